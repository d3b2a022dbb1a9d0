#include "data/strokes.h"

#include "base/error.h"
#include "base/random.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dagan::data {

namespace {
struct Point {
    double x = 0, y = 0;
};
Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
Point operator*(double s, Point p) { return {s * p.x, s * p.y}; }
double dot(Point a, Point b) { return a.x * b.x + a.y * b.y; }

// A pen stroke: a smooth curve through its control points, or straight lines between them.
struct Stroke {
    std::vector<Point> controls;
    bool corners = false;
};
using Program = std::vector<Stroke>; // in the unit square, y down

constexpr int kSamplesPerSpan = 10;

// Returns points along the stroke, including its control points (a Catmull-Rom spline whose end
// tangents point towards the neighbour).
std::vector<Point> trace(const Stroke& stroke) {
    const std::vector<Point>& p = stroke.controls;
    if (stroke.corners) return p;
    std::vector<Point> line{p.front()};
    for (size_t i = 0; i + 1 < p.size(); ++i) {
        const Point before = p[i == 0 ? 0 : i - 1], a = p[i], b = p[i + 1],
                    after = p[std::min(i + 2, p.size() - 1)];
        for (int sample = 1; sample <= kSamplesPerSpan; ++sample) {
            const double t = static_cast<double>(sample) / kSamplesPerSpan;
            const Point linear = 0.5 * (b - before),
                        square = 0.5 * (2.0 * before - 5.0 * a + 4.0 * b - after);
            const Point cube = 0.5 * (3.0 * (a - b) + (after - before));
            line.push_back(a + t * (linear + t * (square + t * cube)));
        }
    }
    return line;
}

struct Box {
    Point low{1e9, 1e9}, high{-1e9, -1e9};
    void add(Point p) {
        low = {std::min(low.x, p.x), std::min(low.y, p.y)};
        high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
    Point centre() const { return 0.5 * (low + high); }
    double longer_side() const { return std::max(high.x - low.x, high.y - low.y); }
};

// ---- a class: its program

// Returns a walk of `steps` pen movements that turns by about the same angle each time: lines,
// hooks, arcs, waves, loops.
std::vector<Point> walk(Random& random, Point start, int steps, double step_length) {
    constexpr double kSharpestTurn = 1.1, kWobble = 0.35; // radians
    const Point middle{0.5, 0.5};
    double direction = random.uniform(0, 2 * std::numbers::pi);
    const double turn = random.uniform(-kSharpestTurn, kSharpestTurn);
    std::vector<Point> points{start};
    for (int i = 0; i < steps; ++i) {
        Point next = points.back() + step_length * Point{std::cos(direction), std::sin(direction)};
        if (next.x < 0 || next.x > 1 || next.y < 0 || next.y > 1) { // back into the square
            const Point inwards = middle - points.back();
            direction = std::atan2(inwards.y, inwards.x) + random.uniform(-kWobble, kWobble);
            next = points.back() + step_length * Point{std::cos(direction), std::sin(direction)};
        }
        points.push_back(next);
        direction += turn + random.uniform(-kWobble, kWobble);
    }
    return points;
}

std::vector<Point> ring(Random& random, Point centre) {
    const double width = random.uniform(0.12, 0.3), height = random.uniform(0.12, 0.3);
    const double begin = random.uniform(0, 2 * std::numbers::pi);
    std::vector<Point> points;
    for (int i = 0; i <= 6; ++i) {
        const double angle = begin + i * std::numbers::pi / 3;
        points.push_back(centre + Point{width * std::cos(angle), height * std::sin(angle)});
    }
    return points;
}

Stroke invent_stroke(Random& random, Point start) {
    const double kind = random.uniform();
    if (kind < 0.30) return {walk(random, start, 1, random.uniform(0.4, 0.9)), true}; // a line
    if (kind < 0.45) return {walk(random, start, 2, random.uniform(0.3, 0.6)), true}; // a corner
    if (kind < 0.60)
        return {ring(random, {random.uniform(0.3, 0.7), random.uniform(0.3, 0.7)}), false};
    return {walk(random, start, 3 + static_cast<int>(random.below(3)), random.uniform(0.2, 0.38)),
            false};
}

int stroke_count(Random& random) {
    const double draw = random.uniform();
    return draw < 0.2 ? 1 : draw < 0.6 ? 2 : draw < 0.9 ? 3 : 4;
}

Program invent_program(Random random) {
    Program program;
    const int strokes = stroke_count(random);
    for (int i = 0; i < strokes; ++i) {
        Point start{random.uniform(0.1, 0.9), random.uniform(0.1, 0.9)};
        if (i > 0 && random.chance(0.65)) { // most strokes of a character touch an earlier one
            const std::vector<Point> line = trace(program[random.below(program.size())]);
            start = line[random.below(line.size())];
        }
        program.push_back(invent_stroke(random, start));
    }
    Box box;
    for (const Stroke& stroke : program) {
        for (const Point p : trace(stroke)) box.add(p);
    }
    for (Stroke& stroke : program) { // centred, its longer side 1
        for (Point& p : stroke.controls)
            p = Point{0.5, 0.5} + (1 / box.longer_side()) * (p - box.centre());
    }
    return program;
}

// ---- an image: the program written by a hand

// Returns the ink in [0, 1] of each pixel after a round pen follows the lines (in pixels).
std::vector<double> draw_ink(const std::vector<std::vector<Point>>& lines, double pen_radius,
                             int size) {
    std::vector<double> ink(static_cast<size_t>(size) * static_cast<size_t>(size), 0.0);
    const auto pixel = [&](double at) {
        return std::clamp(static_cast<int>(std::floor(at)), 0, size - 1);
    };
    const double reach = pen_radius + 1;
    for (const auto& line : lines) {
        for (size_t i = 0; i + 1 < line.size(); ++i) {
            const Point a = line[i], along = line[i + 1] - a;
            const double length2 = dot(along, along);
            Box box;
            box.add(line[i]);
            box.add(line[i + 1]);
            for (int y = pixel(box.low.y - reach); y <= pixel(box.high.y + reach); ++y) {
                for (int x = pixel(box.low.x - reach); x <= pixel(box.high.x + reach); ++x) {
                    const Point from_a = Point{x + 0.5, y + 0.5} - a;
                    const double t =
                        length2 > 0 ? std::clamp(dot(from_a, along) / length2, 0.0, 1.0) : 0.0;
                    const Point off = from_a - t * along;
                    const double cover =
                        std::clamp(pen_radius + 0.5 - std::sqrt(dot(off, off)), 0.0, 1.0);
                    double& here = ink[static_cast<size_t>(y) * static_cast<size_t>(size) +
                                       static_cast<size_t>(x)];
                    here = std::max(here, cover);
                }
            }
        }
    }
    return ink;
}

// The deviations of one image from its class's program.
struct Hand {
    // Standard deviation of a control point, in units of the character.
    double tremor = 0.028;
    // Slant: shear. Rotation: radians.
    double slant = 0, rotation = 0;
    double scale_x = 0.72, scale_y = 0.72;
    // In image widths.
    double shift_x = 0, shift_y = 0;
    double pen_radius = 0.036;
};

Hand invent_hand(Random& random) {
    Hand hand;
    hand.slant = 0.14 * random.normal();
    hand.rotation = 0.07 * random.normal();
    const double scale = random.uniform(0.58, 0.82), aspect = std::exp(0.1 * random.normal());
    hand.scale_x = scale * aspect;
    hand.scale_y = scale / aspect;
    hand.shift_x = 0.05 * random.normal();
    hand.shift_y = 0.05 * random.normal();
    hand.pen_radius = random.uniform(0.022, 0.038);
    return hand;
}

// Moves the lines into the page with a margin, shrinking them if necessary.
void fit_to_page(std::vector<std::vector<Point>>& lines, double size, double margin) {
    Box box;
    for (const auto& line : lines) {
        for (const Point p : line) box.add(p);
    }
    const double room = size - 2 * margin;
    const double shrink = std::min(1.0, room / std::max(box.longer_side(), 1e-9));
    const auto place = [&](double centre, double length) {
        const double half = shrink * length / 2;
        return std::clamp(centre, margin + half, std::max(margin + half, size - margin - half));
    };
    const Point centre{place(box.centre().x, box.high.x - box.low.x),
                       place(box.centre().y, box.high.y - box.low.y)};
    for (auto& line : lines) {
        for (Point& p : line) p = centre + shrink * (p - box.centre());
    }
}

// Draws the program as `hand` writes it on a page of `size` pixels.
std::vector<double> write_ink(Program program, const Hand& hand, Random& random, int size) {
    std::vector<std::vector<Point>> lines;
    for (Stroke& stroke : program) {
        for (Point& p : stroke.controls) {
            p = p + hand.tremor * Point{random.normal(), random.normal()} - Point{0.5, 0.5};
            p = {hand.scale_x * (p.x - hand.slant * p.y), hand.scale_y * p.y};
            p = {std::cos(hand.rotation) * p.x - std::sin(hand.rotation) * p.y,
                 std::sin(hand.rotation) * p.x + std::cos(hand.rotation) * p.y};
            p = static_cast<double>(size) * (p + Point{0.5 + hand.shift_x, 0.5 + hand.shift_y});
        }
        lines.push_back(trace(stroke));
    }
    const double radius = hand.pen_radius * size;
    fit_to_page(lines, size, radius + 0.5);
    return draw_ink(lines, radius, size);
}

// ---- distinct classes

// Returns the program, written by a plain hand with a wide pen, as a unit vector, by which two
// characters are compared.
std::vector<double> signature(const Program& program) {
    constexpr int kSize = 28;
    Hand plain;
    plain.tremor = 0;
    plain.pen_radius = 0.07;
    Random unused(0);
    std::vector<double> ink = write_ink(program, plain, unused, kSize);
    double length2 = 0;
    for (const double value : ink) length2 += value * value;
    for (double& value : ink) value /= std::sqrt(length2);
    return ink;
}

double overlap(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

// Returns programs of which no two look alike. If kTries attempts find no new one (with thousands
// of classes), keeps the last.
std::vector<Program> invent_programs(int classes, uint64_t seed) {
    constexpr double kAlike = 0.75;
    constexpr uint32_t kTries = 100;
    const uint64_t key = derive(seed, "stroke programs");
    std::vector<Program> programs;
    std::vector<std::vector<double>> signatures;
    for (int label = 0; label < classes; ++label) {
        Program program;
        std::vector<double> mine;
        for (uint32_t attempt = 0; attempt < kTries; ++attempt) {
            program = invent_program(Random(key, attempt, static_cast<uint32_t>(label)));
            mine = signature(program);
            if (std::ranges::none_of(
                    signatures, [&](const auto& other) { return overlap(mine, other) > kAlike; }))
                break;
        }
        programs.push_back(std::move(program));
        signatures.push_back(std::move(mine));
    }
    return programs;
}

void check(const StrokesOptions& options) {
    if (options.classes < 1 || options.classes > 10000)
        throw input_error("make strokes: classes must be in 1..10000");
    if (options.per_class < 1 || options.per_class > 10000)
        throw input_error("make strokes: images per class must be in 1..10000");
    if (options.size < 8 || options.size > 256)
        throw input_error("make strokes: size must be in 8..256");
}
} // namespace

Dataset make_strokes(const StrokesOptions& options) {
    check(options);
    DatasetInfo info;
    info.channels = 1;
    info.height = info.width = options.size;
    info.source = fmt::format("synthetic strokes, seed {}", options.seed);
    info.licence = "CC0 (made by a program)";
    info.polarity = "ink_is_low";
    const std::vector<Program> programs = invent_programs(options.classes, options.seed);
    const uint64_t key = derive(options.seed, "stroke hands");
    std::vector<uint8_t> images;
    std::vector<int32_t> labels;
    std::vector<std::string> names;
    for (int label = 0; label < options.classes; ++label) {
        for (int drawer = 0; drawer < options.per_class; ++drawer) {
            Random random(key, static_cast<uint32_t>(label), static_cast<uint32_t>(drawer));
            const Hand hand = invent_hand(random);
            for (const double ink :
                 write_ink(programs[static_cast<size_t>(label)], hand, random, options.size)) {
                images.push_back(static_cast<uint8_t>(std::lround(255 * (1 - ink))));
            }
            labels.push_back(label);
        }
        names.push_back(fmt::format("strokes {:03}", label));
    }
    return {info, std::move(images), std::move(labels), std::move(names)};
}

} // namespace dagan::data
