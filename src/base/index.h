// Typed indices. An Index<Tag> is an int that counts one kind of thing: a task cannot be passed
// where a rank is expected, and neither mixes with plain ints by accident. Constants convert
// implicitly; variables are converted by name, with from() and value().
//
//     using Rank = Index<struct RankTag>;
//     IndexVector<Rank, std::string> host_of(4);
//     for (const Rank rank : host_of.indices()) host_of[rank] = fmt::format("node-{}", rank);
//     mailbox.send(rank.value(), message);
//
// Indices are not bounds-checked.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstddef>
#include <functional>
#include <ostream>
#include <utility>
#include <vector>

namespace dagan {

template <class Tag> class Index {
  public:
    constexpr Index() = default;
    // Accepts constant expressions only: `rank == 0` compiles, `rank == number` does not.
    consteval Index(int constant) : value_(constant) {}
    static constexpr Index from(int value) {
        Index index;
        index.value_ = value;
        return index;
    }

    constexpr int value() const { return value_; }
    constexpr Index& operator++() {
        ++value_;
        return *this;
    }
    friend constexpr auto operator<=>(const Index&, const Index&) = default;
    friend std::ostream& operator<<(std::ostream& out, Index index) { return out << index.value_; }

  private:
    int value_ = 0;
};

// The indices 0 .. size-1, for range-based loops.
template <class I> class IndexRange {
  public:
    class Iterator {
      public:
        explicit constexpr Iterator(I at) : at_(at) {}
        constexpr I operator*() const { return at_; }
        constexpr Iterator& operator++() {
            ++at_;
            return *this;
        }
        constexpr bool operator==(const Iterator&) const = default;

      private:
        I at_;
    };

    explicit constexpr IndexRange(int size) : size_(size) {}
    constexpr Iterator begin() const { return Iterator(I{}); }
    constexpr Iterator end() const { return Iterator(I::from(size_)); }

  private:
    int size_;
};

// A vector whose elements are addressed by an index type `I`.
template <class I, class T> class IndexVector {
  public:
    IndexVector() = default;
    explicit IndexVector(int size, const T& value = T{})
        : values_(static_cast<size_t>(size), value) {}
    explicit IndexVector(std::vector<T> values) : values_(std::move(values)) {}

    typename std::vector<T>::reference operator[](I index) {
        return values_[static_cast<size_t>(index.value())];
    }
    typename std::vector<T>::const_reference operator[](I index) const {
        return values_[static_cast<size_t>(index.value())];
    }
    int size() const { return static_cast<int>(values_.size()); }
    IndexRange<I> indices() const { return IndexRange<I>(size()); }
    void push_back(T value) { values_.push_back(std::move(value)); }

    auto begin() { return values_.begin(); }
    auto end() { return values_.end(); }
    auto begin() const { return values_.begin(); }
    auto end() const { return values_.end(); }

  private:
    std::vector<T> values_;
};

// Conversions for places that keep plain ints, such as messages and files.
template <class Tag> std::vector<int> values_of(const std::vector<Index<Tag>>& indices) {
    std::vector<int> values;
    values.reserve(indices.size());
    for (const Index<Tag> index : indices) values.push_back(index.value());
    return values;
}
template <class I> std::vector<I> indices_from(const std::vector<int>& values) {
    std::vector<I> indices;
    indices.reserve(values.size());
    for (const int value : values) indices.push_back(I::from(value));
    return indices;
}

} // namespace dagan

template <class Tag> struct std::hash<dagan::Index<Tag>> {
    size_t operator()(dagan::Index<Tag> index) const noexcept {
        return std::hash<int>{}(index.value());
    }
};

template <class Tag> struct fmt::formatter<dagan::Index<Tag>> : fmt::formatter<int> {
    template <class Context> auto format(dagan::Index<Tag> index, Context& context) const {
        return fmt::formatter<int>::format(index.value(), context);
    }
};
