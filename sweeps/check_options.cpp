#include "spec/network.h"
#include "sweeps/check_sweep.h"
#include "sweeps/limits.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace dagan::sweeps {

namespace {

// `iterations_own`, `critic_steps_own`: whether the section `path` sets the option itself.
void check_optimiser_steps(const GanOptions& gan, const std::string& path, Findings& findings,
                           bool iterations_own, bool critic_steps_own) {
    if (!iterations_own && !critic_steps_own) return; // inherited, and reported under `gan`
    if (!findings.valid(path + ".iterations") || !findings.valid(path + ".critic_steps")) return;
    const int64_t steps = gan.iterations * gan.critic_steps;
    if (steps <= kMaxOptimiserSteps) return;
    findings.report(path + (iterations_own ? ".iterations" : ".critic_steps"),
                    fmt::format("{} iterations with {} critic steps each are {} optimiser steps; "
                                "wanted at most {}",
                                gan.iterations, gan.critic_steps, steps, kMaxOptimiserSteps));
}

void check_gan(const GanOptions& gan, int gan_ranks, const std::string& path, Findings& findings) {
    // In the section of a data set, only options that it sets itself are reported; inherited ones
    // are reported under `gan`.
    const auto own = [&](const char* key) {
        return path == "gan" || findings.written(path + "." + key);
    };
    if (gan.skip_kernel == 2 && own("skip_kernel"))
        findings.report(path + ".skip_kernel", "2 is out of range; wanted 3 or 1");
    if (gan_ranks > 0 && gan.batch_size % gan_ranks != 0 && findings.valid("resources.gan_ranks") &&
        own("batch_size")) {
        findings.report(
            path + ".batch_size",
            fmt::format("{} pairs cannot be divided evenly among resources.gan_ranks = {}",
                        gan.batch_size, gan_ranks));
    }
    check_optimiser_steps(gan, path, findings, own("iterations"), own("critic_steps"));
    if (gan.selector_train >= 1 && gan.selector_train != static_cast<int>(gan.selector_train) &&
        own("selector_train")) {
        findings.report(
            path + ".selector_train",
            fmt::format(
                "{} is neither a share below 1 nor a whole number of images; e.g. 0.75 or 15",
                gan.selector_train));
    }
}

// `topology: paper` fixes some sizes; other values in the file would be ignored.
void check_topology(const GanOptions& gan, const std::string& path, Findings& findings) {
    const GanOptions fixed = structure_of(gan);
    const auto compare = [&](const char* key, const auto& asked, const auto& given) {
        const std::string at = path + "." + key;
        if (asked != given && findings.written(at)) {
            findings.report(at,
                            fmt::format("{} contradicts topology {}, which has {}; leave it out",
                                        asked, to_string(gan.topology), given));
        }
    };
    compare("generator_inner", gan.generator_inner, fixed.generator_inner);
    compare("critic_inner", gan.critic_inner, fixed.critic_inner);
    compare("critic_widths", gan.critic_widths, fixed.critic_widths);
    compare("skip_kernel", gan.skip_kernel, fixed.skip_kernel);
}

void check_classifier(const ClassifierOptions& classifier, const std::string& path,
                      Findings& findings) {
    const std::string at = path + ".dropout_site";
    if (classifier.reading == ClassifierArch::huang &&
        classifier.dropout_site != DropoutSite::third && findings.written(at)) {
        findings.report(at, "'closing' contradicts reading huang, whose dropout is on the third "
                            "convolution; leave it out");
    }
}

// Of the options of one data set, only those in its own section are reported; inherited ones were
// reported before.
template <class T, class Check>
void check_overlays(const std::map<std::string, T>& overlays, const std::string& section,
                    Findings& findings, Check&& check) {
    for (const auto& [dataset, options] : overlays) {
        const std::string path = section + "." + dataset;
        check_limits(options, path, [&](const std::string& at, const std::string& text) {
            if (findings.written(at)) findings.report(at, text);
        });
        check(options, path);
    }
}

bool is_plain_name(const std::string& name) {
    return !name.empty() && name.front() != '.' && name.front() != '-' &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
           });
}

} // namespace

void check_options(const Sweep& sweep, Findings& findings) {
    const auto report = [&](const std::string& path, const std::string& text) {
        findings.report(path, text);
    };
    if (!is_plain_name(sweep.name)) {
        report("name",
               fmt::format("'{}' cannot name a folder; wanted letters, digits, '_', '-' and '.'",
                           sweep.name));
    }
    check_limits(sweep, "", report);
    check_limits(sweep.gan, "gan", report);
    check_limits(sweep.classifier, "classifier", report);
    check_limits(sweep.resources, "resources", report);
    check_gan(sweep.gan, sweep.resources.gan_ranks, "gan", findings);
    check_topology(sweep.gan, "gan", findings);
    check_classifier(sweep.classifier, "classifier", findings);
    check_overlays(sweep.gan_for, "gan_for", findings,
                   [&](const GanOptions& options, const std::string& path) {
                       check_gan(options, sweep.resources.gan_ranks, path, findings);
                       check_topology(options, path, findings);
                   });
    check_overlays(sweep.classifier_for, "classifier_for", findings,
                   [&](const ClassifierOptions& options, const std::string& path) {
                       check_classifier(options, path, findings);
                   });
}

} // namespace dagan::sweeps
