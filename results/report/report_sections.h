// The sections of the report, each an HTML <section> of its own. Internal to results.
#pragma once

#include "results/report/report.h"
#include "results/report/report_data.h"

#include <filesystem>
#include <string>

namespace dagan::results {

std::string table1_section(const ReportData& data);
std::string plots_section(const ReportData& data);
std::string choices_section(const ReportData& data);
std::string cells_section(const ReportData& data);
std::string gans_section(const std::filesystem::path& campaign, const ReportData& data);
std::string timeline_section(const ReportData& data);
std::string cost_section(const ReportData& data, const Prediction& predicted);
std::string failures_section(const ReportData& data);
std::string missing_section(const ReportData& data);
std::string provenance_section(const ReportData& data);

// What they share.
std::string section(const std::string& id, const std::string& heading, const std::string& body);
std::string paragraph(const std::string& html, const std::string& css = "");
std::string fraction(const std::optional<double>& value); // four decimals, or a dash
std::string interval(const std::optional<double>& low, const std::optional<double>& high);
std::string seeds_text(int seeds, int missing); // "5", or "4 of 5" in the colour of what is missing
std::string reduced_mark(const ReportData& data);   // the word "reduced", or nothing
std::string p_text(const std::optional<double>& p); // "0.03", "< 0.001"
inline constexpr const char* kDash = "–";

} // namespace dagan::results
