// Automatic differentiation of scalar code in double, for references. Var records every operation
// and computes reverse-mode gradients; Dual holds a value and a directional derivative. Dual<Var>
// gives the gradient of a directional derivative, which a gradient penalty needs. Independent of
// tensors.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace dagan::train::golden {

using std::sqrt;
using std::tanh;

// The operations of one evaluation, each with at most two arguments.
class Tape {
  public:
    static constexpr size_t kNone = static_cast<size_t>(-1);

    size_t record(size_t a, double by_a, size_t b = kNone, double by_b = 0) {
        nodes_.push_back({a, b, by_a, by_b});
        return nodes_.size() - 1;
    }
    // Returns the derivative of node `of` with respect to every node up to it.
    std::vector<double> gradients(size_t of) const {
        std::vector<double> by(of + 1, 0.0);
        by[of] = 1;
        for (size_t i = of + 1; i-- > 0;) {
            const Node& node = nodes_[i];
            if (node.a != kNone) by[node.a] += by[i] * node.by_a;
            if (node.b != kNone) by[node.b] += by[i] * node.by_b;
        }
        return by;
    }

  private:
    struct Node {
        size_t a, b;
        double by_a, by_b;
    };
    std::vector<Node> nodes_;
};

// A number on a tape, or a constant, which is on no tape.
struct Var {
    double value = 0;
    Tape* tape = nullptr;
    size_t node = Tape::kNone;

    Var() = default;
    Var(double constant)
        : value(constant) {} // NOLINT: implicit, so that constants mix with variables
    Var(double at, Tape& on) : value(at), tape(&on), node(on.record(Tape::kNone, 0)) {}

    static Var of(double value, const Var& a, double by_a) {
        Var out(value);
        if (a.tape == nullptr) return out;
        out.tape = a.tape;
        out.node = a.tape->record(a.node, by_a);
        return out;
    }
    static Var of(double value, const Var& a, double by_a, const Var& b, double by_b) {
        if (b.tape == nullptr) return of(value, a, by_a);
        if (a.tape == nullptr) return of(value, b, by_b);
        Var out(value);
        out.tape = a.tape;
        out.node = a.tape->record(a.node, by_a, b.node, by_b);
        return out;
    }
};

inline Var operator+(const Var& a, const Var& b) { return Var::of(a.value + b.value, a, 1, b, 1); }
inline Var operator-(const Var& a, const Var& b) { return Var::of(a.value - b.value, a, 1, b, -1); }
inline Var operator*(const Var& a, const Var& b) {
    return Var::of(a.value * b.value, a, b.value, b, a.value);
}
inline Var operator/(const Var& a, const Var& b) {
    return Var::of(a.value / b.value, a, 1 / b.value, b, -a.value / (b.value * b.value));
}
inline Var sqrt(const Var& a) { return Var::of(std::sqrt(a.value), a, 0.5 / std::sqrt(a.value)); }
inline Var tanh(const Var& a) {
    return Var::of(std::tanh(a.value), a, 1 - std::tanh(a.value) * std::tanh(a.value));
}

// A value and its derivative along one direction; T is double or Var.
template <class T> struct Dual {
    T value = 0, along = 0;

    Dual() = default;
    Dual(double constant) : value(constant) {} // NOLINT: as above
    Dual(const T& at, const T& direction) : value(at), along(direction) {}
};

template <class T> Dual<T> operator+(const Dual<T>& a, const Dual<T>& b) {
    return {a.value + b.value, a.along + b.along};
}
template <class T> Dual<T> operator-(const Dual<T>& a, const Dual<T>& b) {
    return {a.value - b.value, a.along - b.along};
}
template <class T> Dual<T> operator*(const Dual<T>& a, const Dual<T>& b) {
    return {a.value * b.value, a.along * b.value + a.value * b.along};
}
template <class T> Dual<T> operator/(const Dual<T>& a, const Dual<T>& b) {
    const T quotient = a.value / b.value;
    return {quotient, (a.along - quotient * b.along) / b.value};
}
template <class T> Dual<T> sqrt(const Dual<T>& a) {
    const T root = sqrt(a.value);
    return {root, a.along / (T(2) * root)};
}

inline double plain(double a) { return a; }
inline double plain(const Var& a) { return a.value; }
template <class T> double plain(const Dual<T>& a) { return plain(a.value); }

} // namespace dagan::train::golden
