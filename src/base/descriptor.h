// An owned file descriptor: moved, never copied, closed once. This project opens every descriptor
// with close-on-exec.
#pragma once

namespace dagan {

class Descriptor {
  public:
    Descriptor() = default;
    // Takes ownership of `fd`; a negative value means none.
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() { close(); }
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            close();
            fd_ = other.release();
        }
        return *this;
    }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    // Gives up ownership and returns the descriptor.
    int release() {
        const int fd = fd_;
        fd_ = -1;
        return fd;
    }
    void close();

  private:
    int fd_ = -1;
};

} // namespace dagan
