#include "support/fake_mailbox.h"

#include <gtest/gtest.h>

namespace dagan::cluster {
namespace {

TEST(FakeMailboxTest, DeliversMessagesInOrderToTheirRank) {
    FakePost post(3);
    const auto a = post.mailbox(0), b = post.mailbox(1), c = post.mailbox(2);
    a->send(1, "one");
    c->send(1, "two");
    a->send(1, "three");
    b->send(1, "to myself");
    EXPECT_EQ(post.waiting_at(1), 4U);
    EXPECT_EQ(b->receive(), (Envelope{0, "one"}));
    EXPECT_EQ(b->receive(), (Envelope{2, "two"}));
    EXPECT_EQ(b->receive(), (Envelope{0, "three"}));
    EXPECT_EQ(b->receive(), (Envelope{1, "to myself"}));
    EXPECT_EQ(b->receive(), std::nullopt);
    EXPECT_EQ(a->receive(), std::nullopt);
}

} // namespace
} // namespace dagan::cluster
