// The sections of the report, each one HTML <section> with its heading. Their ids are those of
// report.cpp's navigation. Pure functions of the data, except gans_section(), which reads sample
// sheets. Internal to results.
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
// `campaign`: the folder of the contact sheets, which are embedded up to a total of 2.4 MB.
std::string gans_section(const std::filesystem::path& campaign, const ReportData& data);
std::string timeline_section(const ReportData& data);
std::string cost_section(const ReportData& data, const Prediction& predicted);
std::string failures_section(const ReportData& data);
std::string missing_section(const ReportData& data);
std::string provenance_section(const ReportData& data);

// Parts that the sections share. All return HTML; `heading`, `body` and `html` are HTML too.

std::string section(const std::string& id, const std::string& heading, const std::string& body);
// `css`: classes, "" for none.
std::string paragraph(const std::string& html, const std::string& css = "");
// Four decimals, or a dash.
std::string fraction(const std::optional<double>& value);
// "0.6100 to 0.7900", or a dash.
std::string interval(const std::optional<double>& low, const std::optional<double>& high);
// "5", or "4 of 5" in the colour of missing results.
std::string seeds_text(int seeds, int missing);
// The mark "reduced"; "" if the sweep is not reduced or unknown.
std::string reduced_mark(const ReportData& data);
// "= 0.03" or "&lt; 0.001", or a dash.
std::string p_text(const std::optional<double>& p);

inline constexpr const char* kDash = "–";

} // namespace dagan::results
