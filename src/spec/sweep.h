// The sweep file as plain values, every option with its default (docs/reference/sweep.md).
// These structs check nothing: load_sweep (sweeps/load_sweep.h) checks the user's input.
#pragma once

#include "spec/fields.h"

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace dagan {

DAGAN_ENUM(Topology, code, paper)
DAGAN_ENUM(Norm, renorm, batch)
DAGAN_ENUM(PenaltyNorm, image, column)
// Precision of the factors of convolutions. Tensors, sums and norms are float32 in each case.
DAGAN_ENUM(Precision, float32, tf32, bf16)
// How the CPU computes 3x3 convolutions of float32. Without DAGAN_ENUM, because `auto` is a
// keyword.
enum class Convolution { automatic, direct, winograd };
constexpr std::string_view enum_list(Convolution) { return "auto, direct, winograd"; }
DAGAN_ENUM(Pairs, with_replacement, distinct)
DAGAN_ENUM(Select, classifier, critic_loss, last)
DAGAN_ENUM(SelectorClasses, validation, source)
DAGAN_ENUM(ClassifierArch, lineage, huang)
DAGAN_ENUM(DropoutSite, closing, third)
DAGAN_ENUM(Generation, pool, fresh)
DAGAN_ENUM(Softmax, all, held_out, target)
DAGAN_ENUM(EpochSelect, best_val, last)
DAGAN_ENUM(Protocol, split, balanced47, literal)
DAGAN_ENUM(ClassOrder, sorted, shuffled)
DAGAN_ENUM(BudgetChoice, epochs, steps, both)

inline constexpr double kNoLimit = std::numeric_limits<double>::infinity();

// Networks, training and checkpoint selection of the DAGAN.
struct GanOptions {
    Topology topology = Topology::code;
    std::array<int, 4> generator_widths{64, 64, 128, 128};
    std::array<int, 4> critic_widths{64, 64, 128, 128};
    int generator_inner = 3;
    int critic_inner = 5;
    int skip_kernel = 3;
    Norm norm = Norm::renorm;
    double r_max = kNoLimit;
    double d_max = kNoLimit;
    int renorm_sync = 750;
    double dropout = 0.5;
    int z_dim = 100;

    int64_t iterations = 200000;
    int critic_steps = 5;
    int batch_size = 32;
    double learning_rate = 1e-4;
    double beta1 = 0;
    double beta2 = 0.9;
    double penalty_weight = 10;
    PenaltyNorm penalty_norm = PenaltyNorm::image;
    Pairs pairs = Pairs::with_replacement;
    bool rotate = true;
    int limit_classes = 0;

    Select select = Select::classifier;
    SelectorClasses selector_classes = SelectorClasses::validation;
    // Below 1: a share; otherwise a number of images of the smallest class, e.g. 15 of 20.
    double selector_train = 0.75;
    int selector_z = 5;
    int checkpoints = 20;
    Precision precision = Precision::float32;
    Convolution convolution = Convolution::automatic;

    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("topology", self.topology,
              "block structure: as in the authors' code or as in the paper's text");
        visit("generator_widths", self.generator_widths, "filters of the four generator blocks");
        visit("critic_widths", self.critic_widths, "filters of the four critic blocks");
        visit("generator_inner", self.generator_inner, "stride-1 convolutions per generator block");
        visit("critic_inner", self.critic_inner, "stride-1 convolutions per critic block");
        visit("skip_kernel", self.skip_kernel, "kernel of the linear projections: 3 or 1");
        visit("norm", self.norm,
              "generator's normalisation: batch renormalisation or plain batch norm");
        visit("r_max", self.r_max, "batch renormalisation: clip of r (.inf: none)");
        visit("d_max", self.d_max, "batch renormalisation: clip of d (.inf: none)");
        visit("renorm_sync", self.renorm_sync,
              "iterations between averagings of the renorm state over a gang's ranks");
        visit("dropout", self.dropout, "dropout probability in both networks (faces: 0.3)");
        visit("z_dim", self.z_dim, "length of the noise vector");
        visit("iterations", self.iterations,
              "iterations, each critic_steps critic steps and one generator step");
        visit("critic_steps", self.critic_steps, "critic steps per iteration");
        visit("batch_size", self.batch_size, "pairs per step, over the whole gang");
        visit("learning_rate", self.learning_rate, "Adam learning rate of both networks");
        visit("beta1", self.beta1, "Adam beta 1");
        visit("beta2", self.beta2, "Adam beta 2");
        visit("penalty_weight", self.penalty_weight, "lambda of the gradient penalty");
        visit("penalty_norm", self.penalty_norm,
              "norm in the penalty: of the image (paper) or of each column (code)");
        visit("pairs", self.pairs, "whether an image may be paired with itself");
        visit("rotate", self.rotate, "rotate both images of a pair alike, with probability 1/2");
        visit("limit_classes", self.limit_classes, "use only the first source classes (0: all)");
        visit("select", self.select, "how the best checkpoint is chosen");
        visit("selector_classes", self.selector_classes,
              "domain on which the selector is trained and scores");
        visit("selector_train", self.selector_train,
              "images per class that train the selector: a share (0.75) or a count (15)");
        visit("selector_z", self.selector_z, "noise vectors per conditional image when scoring");
        visit(
            "precision", self.precision,
            "precision of the factors of convolutions in training: float32, tf32 (GPUs), bf16; the "
            "gradient penalty always uses float32");
        visit("convolution", self.convolution,
              "3x3 convolutions on CPUs: direct, winograd, or auto (selected by the shape)");
        visit("checkpoints", self.checkpoints,
              "largest number of checkpoints compared, evenly spaced over the iterations");
    }
    bool operator==(const GanOptions&) const = default;
};

// Architecture, training and protocol of the classifiers.
struct ClassifierOptions {
    ClassifierArch reading = ClassifierArch::lineage;
    int growth = 64;
    double dropout = 0.5;
    DropoutSite dropout_site = DropoutSite::closing;
    int epochs = 200;
    int batch_size = 32;
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.99;
    double noise_sigma = 0.1;
    int shift_px = 2;
    Generation generation = Generation::pool;
    int pool_size = 20;
    Softmax softmax = Softmax::all;
    EpochSelect epoch_select = EpochSelect::best_val;
    bool eval_drop_last = false;
    bool mark_generated = true;
    Precision precision = Precision::float32;
    Convolution convolution = Convolution::automatic;

    static constexpr std::array kAddedLater{"mark_generated"}; // see spec/json.h
    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("reading", self.reading,
              "interpretation of the paper's 17-layer DenseNet: lineage or huang");
        visit("growth", self.growth, "filters per convolution");
        visit("dropout", self.dropout, "dropout probability");
        visit("dropout_site", self.dropout_site,
              "after a block's closing or its third convolution");
        visit("epochs", self.epochs, "training epochs");
        visit("batch_size", self.batch_size, "images per step");
        visit("learning_rate", self.learning_rate, "Adam learning rate");
        visit("beta1", self.beta1, "Adam beta 1");
        visit("beta2", self.beta2, "Adam beta 2");
        visit("noise_sigma", self.noise_sigma, "sigma of the Gaussian noise, on the [0, 1] scale");
        visit("shift_px", self.shift_px, "largest shift in pixels (64 px images: 4)");
        visit("generation", self.generation,
              "generated images: from a pool made once, or fresh each epoch");
        visit("pool_size", self.pool_size, "generated images per training image in the pool");
        visit("softmax", self.softmax,
              "classes of the softmax: all, held_out (validation and test), target (test)");
        visit("epoch_select", self.epoch_select, "which epoch's weights are tested");
        visit("eval_drop_last", self.eval_drop_last, "omit the last partial batch at evaluation");
        visit("mark_generated", self.mark_generated,
              "tell the classifier, in a channel, which images are generated");
        visit("precision", self.precision,
              "precision of the factors of convolutions in training: float32, tf32 (GPUs), bf16");
        visit("convolution", self.convolution,
              "3x3 convolutions on CPUs: direct, winograd, or auto (selected by the shape)");
    }
    bool operator==(const ClassifierOptions&) const = default;
};

// A half-open range of class positions; end = kToTheEnd includes the last class.
struct ClassRange {
    static constexpr int kToTheEnd = -1;
    int begin = 0;
    int end = kToTheEnd;

    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("begin", self.begin, "first position");
        visit("end", self.end, "one past the last position");
    }
    bool operator==(const ClassRange&) const = default;
};

struct Split {
    ClassRange source, validation, test;

    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("source", self.source, "classes that train the DAGAN");
        visit("validation", self.validation, "classes on which models are selected");
        visit("test", self.test, "classes on which results are reported");
    }
    bool operator==(const Split&) const = default;
};

// Held-out images per class.
struct CaseCounts {
    int test = 2;
    int validation = 3;

    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("test", self.test, "test images per class");
        visit("validation", self.validation, "validation images per class");
    }
    bool operator==(const CaseCounts&) const = default;
};

// The shape of a data set: read from its file, or from the sweep's `expect` if the file is absent.
struct DatasetShape {
    int classes = 0;
    int images_per_class = 0; // in the smallest class
    int channels = 0;
    int size = 0; // height and width in pixels

    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("classes", self.classes, "number of classes");
        visit("images_per_class", self.images_per_class, "images in the smallest class");
        visit("channels", self.channels, "1 grey, 3 colour");
        visit("size", self.size, "height and width in pixels");
    }
    bool operator==(const DatasetShape&) const = default;
};

struct DatasetOptions {
    std::string file;
    Split split;
    CaseCounts cases;
    ClassOrder class_order = ClassOrder::sorted;
    Protocol protocol = Protocol::split;
    std::string gan;     // data set whose DAGAN augments this one; "" means its own
    DatasetShape expect; // all 0: no expectation

    static constexpr std::array kRequired{"file"}; // see sweeps/read_fields.h
    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("file", self.file, "HDF5 file, relative to the data folder");
        visit("split", self.split, "half-open ranges of class positions");
        visit("cases", self.cases, "held-out images per class");
        visit("class_order", self.class_order,
              "order of the class positions: sorted, or shuffled by the sweep's seed");
        visit("protocol", self.protocol, "EMNIST only: balanced47 or literal");
        visit("gan", self.gan, "data set whose DAGAN augments this one (default: its own)");
        visit("expect", self.expect,
              "expected shape of the file; with it, planning does not need the file");
    }
    bool operator==(const DatasetOptions&) const = default;
};

struct SweepRow {
    std::string dataset;
    std::vector<int> samples_per_class;
    std::vector<int> generated_per_real;
    BudgetChoice budget = BudgetChoice::epochs;

    static constexpr std::array kRequired{"dataset", "samples_per_class", "generated_per_real"};
    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("dataset", self.dataset, "name under `datasets`");
        visit("samples_per_class", self.samples_per_class,
              "real training images per class: a number, a list, or 5..15");
        visit("generated_per_real", self.generated_per_real,
              "generated images per real one: a number, a list, or 0..10");
        visit("budget", self.budget,
              "the m = 0 baseline trains for equal epochs, for the steps of each m >= 1 of the "
              "row, or both");
    }
    bool operator==(const SweepRow&) const = default;
};

struct Resources {
    int gan_ranks = 1;
    int trainers_per_rank = 1;
    int threads_per_trainer = 1;
    int tasks_ahead = 0;

    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("gan_ranks", self.gan_ranks, "ranks that train one DAGAN together");
        visit("trainers_per_rank", self.trainers_per_rank,
              "trainers that run at the same time on one rank (one GPU)");
        visit("threads_per_trainer", self.threads_per_trainer,
              "CPU threads of each trainer; the bits of results depend on it");
        visit(
            "tasks_ahead", self.tasks_ahead,
            "tasks sent to a rank in advance, besides running ones; for tasks far below a second");
    }
    bool operator==(const Resources&) const = default;
};

struct Sweep {
    std::string name;
    uint64_t seed = 0;
    int seeds = 5;
    std::map<std::string, DatasetOptions> datasets;
    GanOptions gan;
    ClassifierOptions classifier;
    // By data set: complete options, i.e. `gan` with the changes of the file's `gan_for`.
    std::map<std::string, GanOptions> gan_for;
    std::map<std::string, ClassifierOptions> classifier_for;
    std::vector<SweepRow> sweep;
    Resources resources;

    const GanOptions& gan_options(const std::string& dataset) const {
        const auto own = gan_for.find(dataset);
        return own == gan_for.end() ? gan : own->second;
    }
    const ClassifierOptions& classifier_options(const std::string& dataset) const {
        const auto own = classifier_for.find(dataset);
        return own == classifier_for.end() ? classifier : own->second;
    }

    static constexpr std::array kRequired{"name", "seed", "datasets", "sweep"};
    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("name", self.name, "name of the sweep");
        visit("seed", self.seed, "everything random follows from it");
        visit("seeds", self.seeds, "independent runs per configuration");
        visit("datasets", self.datasets, "data sets by name");
        visit("gan", self.gan, "DAGAN options");
        visit("classifier", self.classifier, "classifier options");
        visit("gan_for", self.gan_for, "by data set: where its DAGAN's options differ from `gan`");
        visit("classifier_for", self.classifier_for,
              "by data set: where its classifiers' options differ from `classifier`");
        visit("sweep", self.sweep, "the cells");
        visit("resources", self.resources, "ranks, trainers and threads");
    }
    bool operator==(const Sweep&) const = default;
};

// Returns canonical JSON.
std::string to_text(const Sweep& sweep);
// Parses a text written by to_text(). Throws Blame::bug if it is any other text.
Sweep sweep_from_text(const std::string& text);

} // namespace dagan
