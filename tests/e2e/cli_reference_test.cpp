// docs/reference/cli.md must agree with the --help texts of the built program.
#include "e2e/sandbox.h"

namespace dagan {
namespace {

TEST(CliReferenceTest, ThePageAgreesWithTheHelpTexts) {
    // From another folder and with a narrow terminal: the page must depend on neither.
    const Finished made =
        run_program({(kSource / "docs" / "make_cli_reference.sh").string(), kBin / "dagan"},
                    {sandbox().campaign(""), {"COLUMNS=40"}});
    ASSERT_EQ(made.exit_code, 0) << made.text();
    EXPECT_THAT(made.out, testing::HasSubstr("\n## dagan run\n"));
    const std::string page = read_file(kSource / "docs" / "reference" / "cli.md");
    const auto [in_page, in_made] =
        std::mismatch(page.begin(), page.end(), made.out.begin(), made.out.end());
    const auto line = 1 + std::count(page.begin(), in_page, '\n');
    EXPECT_TRUE(page == made.out)
        << "docs/reference/cli.md:" << line << ": differs from the --help texts; hint: run "
        << "docs/make_cli_reference.sh build/bin/dagan > docs/reference/cli.md";
}

} // namespace
} // namespace dagan
