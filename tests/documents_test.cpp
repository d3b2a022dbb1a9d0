// Checks that the text of the source tree is consistent: documents and sources named in comments
// exist, relative links in Markdown resolve, lines and files keep to their limits. Reads the tree
// itself, not git's index, without build folders and data.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace dagan {
namespace {

namespace fs = std::filesystem;

constexpr size_t kCodeWidth = 100, kMarkdownWidth = 120, kFileLines = 500;

// Each file's path relative to the source tree, with its text ("" if the file is not text).
using Tree = std::map<std::string, std::string>;
using Violations = std::vector<std::string>;

bool has_extension(const std::string& path, const std::set<std::string>& extensions) {
    return extensions.contains(fs::path(path).extension().string());
}
bool is_cpp(const std::string& path) { return has_extension(path, {".h", ".cpp", ".cu", ".inc"}); }
bool is_markdown(const std::string& path) { return path.ends_with(".md"); }
bool is_text(const std::string& path) {
    return is_cpp(path) || is_markdown(path) ||
           has_extension(path, {".sql", ".cmake", ".txt", ".sh", ".py", ".yaml"});
}

std::string at(const std::string& path, size_t line) { return path + ":" + std::to_string(line); }

std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

// Returns the number of characters of UTF-8 text.
size_t width(const std::string& text) {
    return static_cast<size_t>(
        std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

// ---- Comments ----------------------------------------------------------------------------------

struct SourceLine {
    std::string comment; // the text of the line that is in a comment
    bool raw = false;    // whether a part of the line is in a raw string literal
};

// Splits C++ text into lines and finds comments and raw string literals.
class CppScanner {
  public:
    explicit CppScanner(std::string_view text) : text_(text) {}

    std::vector<SourceLine> scan() {
        while (at_ < text_.size()) {
            if (starts("//")) {
                const size_t end = std::min(text_.find('\n', at_), text_.size());
                take_comment(end);
            } else if (starts("/*")) {
                const size_t end = text_.find("*/", at_ + 2);
                take_comment(end == text_.npos ? text_.size() : end + 2);
            } else if (starts("R\"") && !in_word()) {
                take_raw_string();
            } else if (text_[at_] == '"' || (text_[at_] == '\'' && !in_word())) {
                take_string(text_[at_]);
            } else {
                advance();
            }
        }
        return lines_;
    }

  private:
    bool starts(std::string_view word) const { return text_.substr(at_).starts_with(word); }
    // Whether the character before is part of a word or number: 1'000 has no character literal.
    bool in_word() const {
        return at_ > 0 && std::isalnum(static_cast<unsigned char>(text_[at_ - 1])) != 0;
    }
    void advance() {
        if (text_[at_++] == '\n') lines_.emplace_back();
    }
    void take_comment(size_t end) {
        for (; at_ < end; advance()) {
            if (text_[at_] != '\n') lines_.back().comment += text_[at_];
        }
    }
    void take_raw_string() {
        const size_t open = text_.find('(', at_);
        const std::string close = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
        const size_t found = text_.find(close, open);
        const size_t end = found == text_.npos ? text_.size() : found + close.size();
        lines_.back().raw = true;
        while (at_ < end) {
            advance();
            lines_.back().raw = true;
        }
    }
    void take_string(char quote) {
        for (advance(); at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n'; advance())
            if (text_[at_] == '\\') advance();
        if (at_ < text_.size()) advance();
    }

    std::string_view text_;
    size_t at_ = 0;
    std::vector<SourceLine> lines_{1};
};

// Returns the comment of each line of a source file.
std::vector<std::string> comments_of(const std::string& path, const std::string& text) {
    std::vector<std::string> comments;
    if (is_cpp(path)) {
        for (const SourceLine& line : CppScanner(text).scan()) comments.push_back(line.comment);
        return comments;
    }
    const std::string mark = path.ends_with(".sql") ? "--" : "#";
    for (const std::string& line : split_lines(text)) {
        const size_t begin = line.find(mark);
        comments.push_back(begin == line.npos ? "" : line.substr(begin));
    }
    return comments;
}

// ---- Markdown ----------------------------------------------------------------------------------

// Returns the lines of a document; those in fenced code or display math are empty.
std::vector<std::string> prose_of(const std::string& text) {
    std::vector<std::string> lines = split_lines(text);
    std::string fence;
    for (std::string& line : lines) {
        const size_t begin = std::min(line.find_first_not_of(" >"), line.size());
        const std::string mark = line.substr(begin, line.compare(begin, 2, "$$") == 0 ? 2 : 3);
        const bool is_mark = mark == "```" || mark == "~~~" || mark == "$$";
        const bool was_inside = !fence.empty();
        if (was_inside) {
            if (line.find(fence) != line.npos) fence.clear();
        } else if (is_mark && line.find(mark, begin + mark.size()) == line.npos) {
            fence = mark;
        }
        if (was_inside || is_mark) line.clear();
    }
    return lines;
}

std::string inline_code_of(const std::string& line) {
    static const std::regex kCode("`+([^`]*)`+");
    std::string code;
    for (std::sregex_iterator it(line.begin(), line.end(), kCode), end; it != end; ++it)
        code += (*it)[1].str() + ' ';
    return code;
}

std::string without_inline_code(const std::string& line) {
    static const std::regex kCode("`+[^`]*`+");
    return std::regex_replace(line, kCode, "");
}

// Returns the targets of the links and images of a line of prose.
std::vector<std::string> links_in(const std::string& line) {
    static const std::regex kLink(R"(\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\s*\[[^\]]+\]:\s*(\S+))");
    const std::string text = without_inline_code(line);
    std::vector<std::string> targets;
    for (std::sregex_iterator it(text.begin(), text.end(), kLink), end; it != end; ++it)
        targets.push_back((*it)[1].matched ? (*it)[1] : (*it)[2]);
    return targets;
}

// Returns the anchor that GitHub gives a heading, without the number for a repeated one.
std::string anchor_of(const std::string& heading) {
    static const std::regex kLink(R"(\[([^\]]*)\]\([^)]*\))");
    const std::string text = std::regex_replace(heading, kLink, "$1");
    std::string anchor;
    for (size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == 0xE2)
            i += 2; // dashes, quotes, arrows
        else if (c == 0xC2 || (c == 0xC3 && i + 1 < text.size() &&
                               (text[i + 1] == '\x97' || text[i + 1] == '\xB7')))
            i += 1; // signs
        else if (c == ' ')
            anchor += '-';
        else if (std::isalnum(c) != 0 || c == '-' || c == '_' || c >= 0x80)
            anchor += static_cast<char>(std::tolower(c));
    }
    return anchor;
}

std::set<std::string> anchors_of(const std::string& text) {
    static const std::regex kHeading(R"(^#{1,6}\s+(.*?)\s*#*$)"),
        kId(R"re(<a (?:id|name)="([^"]+)")re");
    std::set<std::string> anchors;
    std::map<std::string, int> seen;
    for (const std::string& line : prose_of(text)) {
        std::smatch match;
        if (std::regex_match(line, match, kHeading)) {
            const std::string anchor = anchor_of(match[1]);
            const int before = seen[anchor]++;
            anchors.insert(before == 0 ? anchor : anchor + "-" + std::to_string(before));
        }
        if (std::regex_search(line, match, kId)) anchors.insert(match[1]);
    }
    return anchors;
}

// Returns why a link in the document `from` is wrong; "" if it is right.
std::string problem_of_link(const Tree& tree, const std::string& from, const std::string& link) {
    static const std::regex kAbsolute("^[a-z]+:.*");
    if (std::regex_match(link, kAbsolute)) return "";
    const size_t hash = std::min(link.find('#'), link.size());
    std::string path = from;
    if (hash > 0) {
        path = (fs::path(from).parent_path() / link.substr(0, hash)).lexically_normal().string();
        if (path.ends_with('/')) path.pop_back();
    }
    const auto file = tree.find(path);
    const auto below = tree.lower_bound(path + "/");
    const bool is_folder =
        path == "." || (below != tree.end() && below->first.starts_with(path + "/"));
    if (file == tree.end() && !is_folder) return "no such file in the repository";
    if (hash == link.size()) return "";
    if (file == tree.end() || !is_markdown(path)) return "an anchor in a file without headings";
    return anchors_of(file->second).contains(link.substr(hash + 1)) ? "" : "no such heading";
}

Violations broken_links(const Tree& tree) {
    Violations found;
    for (const auto& [path, text] : tree) {
        if (!is_markdown(path)) continue;
        const auto lines = prose_of(text);
        for (size_t i = 0; i < lines.size(); ++i) {
            for (const std::string& link : links_in(lines[i])) {
                const std::string problem = problem_of_link(tree, path, link);
                if (!problem.empty())
                    found.push_back(at(path, i + 1) + ": " + link + ": " + problem);
            }
        }
    }
    return found;
}

// Prose only: tables, code and the targets of links may be longer.
Violations long_markdown_lines(const Tree& tree) {
    static const std::regex kTarget(R"(\]\([^)]*\))");
    Violations found;
    for (const auto& [path, text] : tree) {
        if (!is_markdown(path)) continue;
        const auto lines = prose_of(text);
        for (size_t i = 0; i < lines.size(); ++i) {
            const bool is_table = lines[i].find_first_not_of(" >") != std::string::npos &&
                                  lines[i][lines[i].find_first_not_of(" >")] == '|';
            const size_t columns = width(std::regex_replace(lines[i], kTarget, "]"));
            if (!is_table && columns > kMarkdownWidth)
                found.push_back(at(path, i + 1) + ": " + std::to_string(columns) + " columns");
        }
    }
    return found;
}

// ---- Names of files ----------------------------------------------------------------------------

// Returns whether `name` in a comment of `from` is a file: by its path from the root, from src or
// tests, from the folder of `from`, or by its last components. Those of a document must be
// unambiguous.
bool names_a_file(const Tree& tree, const std::string& from, const std::string& name) {
    const fs::path folder = fs::path(from).parent_path();
    for (const fs::path& base : {fs::path(), fs::path("src"), fs::path("tests"), folder}) {
        if (tree.contains((base / name).lexically_normal().generic_string())) return true;
    }
    const auto count = std::ranges::count_if(
        tree, [&](const auto& file) { return file.first.ends_with("/" + name); });
    return is_markdown(name) ? count == 1 : count > 0;
}

// Third-party headers, files of a campaign, patterns (*.cpp) and placeholders (FOLDER/run.sh) may
// be named too.
bool is_known(const std::string& name) {
    static const std::set<std::string> kNames{"mpi.h", "nccl.h", "hdf5.h", "sqlite3.h", "job.sh"};
    static const std::set<std::string> kFolders{"torch", "ATen", "c10", "CLI"};
    static const std::regex kPattern("[A-Z]+/.*|.*_NAME[.].*|.*[<>*{}$].*");
    return kNames.contains(name) || kFolders.contains(name.substr(0, name.find('/'))) ||
           std::regex_match(name, kPattern);
}

// Returns the text of each line that may name files: comments of sources, inline code of documents.
// Reports, decisions and the changelog may name files that no longer exist.
std::vector<std::string> naming_texts(const std::string& path, const std::string& text) {
    if (!is_markdown(path)) return comments_of(path, text);
    if (path.starts_with("docs/reports/") || path.starts_with("docs/decisions/") ||
        path == "CHANGELOG.md")
        return {};
    std::vector<std::string> lines = prose_of(text);
    for (std::string& line : lines) line = inline_code_of(line);
    return lines;
}

// Files named in comments, and in the inline code of documents, exist.
Violations dangling_names(const Tree& tree) {
    static const std::regex kName(
        R"([A-Za-z0-9_./<>*{}$-]*[A-Za-z0-9_>*}]\.(md|h|cpp|cu|inc|sql|sh|py)\b)");
    Violations found;
    for (const auto& [path, text] : tree) {
        if (!is_text(path)) continue;
        const auto lines = naming_texts(path, text);
        for (size_t i = 0; i < lines.size(); ++i) {
            for (std::sregex_iterator it(lines[i].begin(), lines[i].end(), kName), end; it != end;
                 ++it) {
                const std::string name = it->str();
                if (!is_known(name) && !names_a_file(tree, path, name))
                    found.push_back(at(path, i + 1) + ": " + name + " names no file");
            }
        }
    }
    return found;
}

// ---- Code --------------------------------------------------------------------------------------

// Raw string literals and lines with a URL may be longer.
Violations long_code_lines(const Tree& tree) {
    Violations found;
    for (const auto& [path, text] : tree) {
        if (!is_cpp(path)) continue;
        const auto lines = split_lines(text);
        const auto scanned = CppScanner(text).scan();
        for (size_t i = 0; i < lines.size(); ++i) {
            const bool exempt = scanned[i].raw || lines[i].find("://") != std::string::npos;
            if (!exempt && width(lines[i]) > kCodeWidth)
                found.push_back(at(path, i + 1) + ": " + std::to_string(width(lines[i])) +
                                " columns");
        }
    }
    return found;
}

Violations long_files(const Tree& tree) {
    Violations found;
    for (const auto& [path, text] : tree) {
        const auto lines = static_cast<size_t>(std::ranges::count(text, '\n'));
        if (is_cpp(path) && lines > kFileLines)
            found.push_back(path + ": " + std::to_string(lines) + " lines");
    }
    return found;
}

// ---- The project's tree ------------------------------------------------------------------------

const Tree& project() {
    static const Tree tree = [] {
        const fs::path root = DAGAN_SOURCE_DIR;
        Tree files;
        for (fs::recursive_directory_iterator entry(root), end; entry != end; ++entry) {
            const std::string path = entry->path().lexically_relative(root).generic_string();
            const std::string name = entry->path().filename();
            const bool skipped = name.starts_with('.') || name == "__pycache__" ||
                                 path.starts_with("build") || path == "campaigns" ||
                                 path == "data/sets";
            if (skipped && entry->is_directory()) entry.disable_recursion_pending();
            if (skipped || !entry->is_regular_file()) continue;
            std::ifstream file(is_text(path) ? entry->path() : fs::path("/dev/null"));
            files[path].assign(std::istreambuf_iterator<char>(file), {});
        }
        return files;
    }();
    return tree;
}

void expect_none(const Violations& violations) {
    for (const std::string& violation : violations) ADD_FAILURE() << violation;
}

TEST(DocumentsTest, ReadsTheWholeTree) {
    for (const char* path : {"README.md", "CMakeLists.txt", "docs/tutorial.md", "tests/slurm/lab",
                             "tests/documents_test.cpp", "results/database/schema.sql"})
        EXPECT_TRUE(project().contains(path)) << path;
    EXPECT_GT(std::ranges::count_if(project(), [](const auto& f) { return is_cpp(f.first); }), 300);
}
TEST(DocumentsTest, FilesNamedInCommentsAndDocumentsExist) {
    expect_none(dangling_names(project()));
}
TEST(DocumentsTest, RelativeLinksResolve) { expect_none(broken_links(project())); }
TEST(DocumentsTest, MarkdownLinesAreShort) { expect_none(long_markdown_lines(project())); }
TEST(DocumentsTest, CodeLinesAreShort) { expect_none(long_code_lines(project())); }
TEST(DocumentsTest, CppFilesAreShort) { expect_none(long_files(project())); }

// The tests below show that each check can fail.

TEST(DocumentsTest, FindsANameOfAFileThatDoesNotExist) {
    const Tree tree{{"docs/guide/gpu.md", "`base/a.h`, `base/c.cpp` and j.md\n```\n`k.md`\n```\n"},
                    {"docs/reports/old.md", "`l.md`\n"},
                    {"src/base/a.h", "// See docs/guide/gpu.md, gpu.md, base/a.h and a.h.\n"
                                     "int x; // docs/gpu.md\n"
                                     "/* base/b.h\n   */ const char* s = \"c.md README.md\";\n"
                                     "// torch/torch.h and <sys/mman.h>; strokes.h5; *.cpp\n"},
                    {"src/base/CMakeLists.txt", "# e.md, README.md, FOLDER/x.sh\nset(x f.md)\n"},
                    {"data/README.md", ""},
                    {"sweeps/README.md", ""},
                    {"results/a.sql", "-- h.sh\nSELECT 'i.md';\n"}};
    EXPECT_EQ(dangling_names(tree),
              (Violations{"docs/guide/gpu.md:1: base/c.cpp names no file",
                          "results/a.sql:1: h.sh names no file",
                          "src/base/CMakeLists.txt:1: e.md names no file",
                          "src/base/CMakeLists.txt:1: README.md names no file",
                          "src/base/a.h:2: docs/gpu.md names no file",
                          "src/base/a.h:3: base/b.h names no file"}));
}

TEST(DocumentsTest, FindsALinkThatDoesNotResolve) {
    const Tree tree{{"README.md", "[a](docs/a.md) [b](docs/a.md#two-words--here) [c](#top)\n"
                                  "[d](docs) [e](docs/x.md) [f](docs/a.md#none) [g](../x.md)\n"
                                  "```\n[in code](y.md)\n```\n`[x](y.md)` [h](https://x.y)\n"
                                  "![image](docs/a.svg)\n[i]: docs/z.md\n# Top\n"},
                    {"docs/a.md", "## Two words – here\n## One\n## One\n[1](#one-1) [2](#one-2)\n"
                                  "[3](a.svg#x)\n"},
                    {"docs/a.svg", ""}};
    EXPECT_EQ(broken_links(tree),
              (Violations{"README.md:2: docs/x.md: no such file in the repository",
                          "README.md:2: docs/a.md#none: no such heading",
                          "README.md:2: ../x.md: no such file in the repository",
                          "README.md:8: docs/z.md: no such file in the repository",
                          "docs/a.md:4: #one-2: no such heading",
                          "docs/a.md:5: a.svg#x: an anchor in a file without headings"}));
}

TEST(DocumentsTest, FindsALongLineOfProse) {
    const std::string fits(kMarkdownWidth - 2, 'x'), longer(kMarkdownWidth + 1, 'x');
    const Tree tree{{"a.md", fits + "é\n" + longer + "\n| " + longer + " |\n```\n" + longer +
                                 "\n```\n[link](" + longer + ")\n$$\n" + longer + "\n$$\n" +
                                 longer + "\n"}};
    EXPECT_EQ(long_markdown_lines(tree),
              (Violations{"a.md:2: 121 columns", "a.md:11: 121 columns"}));
}

TEST(DocumentsTest, FindsALongLineOfCode) {
    const std::string longer(kCodeWidth + 1, 'x');
    const Tree tree{{"a.cpp", "auto a = R\"x(\n" + longer + "\n)x\";\n" + longer + "\n// http://" +
                                  longer + "\nint b = 1'000; " + longer + "\nchar c = '\"'; " +
                                  longer + "\n"}};
    EXPECT_EQ(long_code_lines(tree),
              (Violations{"a.cpp:4: 101 columns", "a.cpp:6: 116 columns", "a.cpp:7: 115 columns"}));
}

TEST(DocumentsTest, FindsALongFile) {
    std::string text;
    for (size_t i = 0; i < kFileLines; ++i) text += "\n";
    EXPECT_EQ(long_files({{"a.cpp", text}, {"b.h", text + "\n"}, {"c.md", text + "\n"}}),
              (Violations{"b.h: 501 lines"}));
}

} // namespace
} // namespace dagan
