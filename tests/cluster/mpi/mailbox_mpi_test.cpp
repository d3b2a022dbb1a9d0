#include "base/error.h"
#include "base/random.h"
#include "cluster/process/backoff.h"
#include "cluster/transport/mailbox.h"
#include "support/mpi_environment.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

namespace dagan::cluster {
namespace {

// Returns message `number` from one rank to another: its text names all three, and its length and
// filling are a function of them. Lengths cover MPI's eager and rendezvous protocols.
std::string message(int from, int to, int number) {
    Random random(derive(
        1, "mailbox test",
        {static_cast<uint64_t>(from), static_cast<uint64_t>(to), static_cast<uint64_t>(number)}));
    const size_t length = random.chance(0.01) ? random.below(3 << 20) : random.below(200);
    return std::to_string(from) + ">" + std::to_string(to) + "#" + std::to_string(number) + ":" +
           std::string(length, static_cast<char>('a' + number % 26));
}

TEST(MailboxTest, MessagesArriveOnceWholeAndInOrderUnderLoad) {
    const auto mailbox = make_mpi_mailbox(mpi_environment().world);
    const int size = mailbox->size(), rank = mailbox->rank();
    constexpr int kMessages = 400;  // from each rank to each
    std::map<int, int> next_number; // by sender
    int sent = 0, received = 0;
    Random random(derive(static_cast<uint64_t>(rank), "order"));
    Backoff backoff;
    while (sent < kMessages || received < kMessages * size || mailbox->unsent() > 0) {
        if (sent < kMessages && random.chance(0.5)) {
            for (int to = 0; to < size; ++to) mailbox->send(to, message(rank, to, sent));
            ++sent;
            backoff.on_activity();
        }
        if (const auto envelope = mailbox->receive()) {
            const int number = next_number[envelope->from]++;
            ASSERT_TRUE(envelope->bytes == message(envelope->from, rank, number))
                << "from " << envelope->from << " number " << number;
            ++received;
            backoff.on_activity();
        }
        backoff.pause({});
    }
    EXPECT_EQ(mailbox->receive(), std::nullopt);
}

TEST(MailboxTest, MessagesToItselfDoNotBlockThoseOfOthers) {
    const auto mailbox = make_mpi_mailbox(mpi_environment().world);
    const int size = mailbox->size(), rank = mailbox->rank();
    if (rank != 0) {
        mailbox->send(0, "from outside");
        while (!mailbox->receive()) {
        }
    } else {
        int outside = 0;
        for (mailbox->send(0, "again"); outside < size - 1;) {
            const auto envelope = mailbox->receive();
            if (!envelope) continue;
            if (envelope->from == 0) {
                mailbox->send(0, "again"); // so that there is always one
            } else {
                ++outside;
            }
        }
        for (int to = 1; to < size; ++to) mailbox->send(to, "heard");
    }
    while (mailbox->unsent() > 0) mailbox->receive();
}

TEST(MailboxTest, TwoMailboxesDoNotMix) {
    const auto one = make_mpi_mailbox(mpi_environment().world),
               other = make_mpi_mailbox(mpi_environment().world);
    const int next = (one->rank() + 1) % one->size(),
              previous = (one->rank() + one->size() - 1) % one->size();
    one->send(next, "one");
    other->send(next, "other");
    std::optional<Envelope> got;
    while (!(got = other->receive())) one->unsent();
    EXPECT_EQ(*got, (Envelope{previous, "other"}));
    while (!(got = one->receive())) other->unsent();
    EXPECT_EQ(*got, (Envelope{previous, "one"}));
    while (one->unsent() + other->unsent() > 0) {
    }
}

TEST(MailboxTest, UnknownRankIsABug) {
    const auto mailbox = make_mpi_mailbox(mpi_environment().world);
    EXPECT_THROW(mailbox->send(mailbox->size(), "x"), Error);
    EXPECT_THROW(mailbox->send(-1, "x"), Error);
}

TEST(MpiWorldTest, HasItsRankSizeAndHost) {
    const MpiWorld& world = mpi_environment().world;
    EXPECT_TRUE(0 <= world.rank() && world.rank() < world.size());
    EXPECT_FALSE(world.host().empty());
    if (const char* launched = std::getenv("OMPI_COMM_WORLD_SIZE")) {
        EXPECT_EQ(world.size(), std::atoi(launched));
    }
    EXPECT_EQ(world.singletons_problem(), std::nullopt);
}

TEST(MpiWorldTest, SingletonsUnderSlurmAreReportedWithAHint) {
    EXPECT_EQ(singletons_problem(1, std::nullopt, false), std::nullopt) << "outside Slurm";
    EXPECT_EQ(singletons_problem(4, 4, false), std::nullopt);
    EXPECT_EQ(singletons_problem(2, 4, true), std::nullopt)
        << "mpirun may start fewer ranks than the allocation has tasks";
    EXPECT_NE(singletons_problem(1, 4, false)->find("srun --mpi=pmix"), std::string::npos);
}

} // namespace
} // namespace dagan::cluster
