#include "model/tensor/join.h"

#include "model/tensors.h"

#include <vector>

namespace dagan::model {
namespace {

constexpr auto kChannelsLast = torch::MemoryFormat::ChannelsLast;
using Maps = std::vector<torch::Tensor>;

TEST(JoinTest, ReturnsASingleMapUnchanged) {
    const torch::Tensor map = torch::rand({2, 3, 4, 4});
    EXPECT_TRUE(join_channels({map}).is_same(map));
}

// As in the first block of a classifier: an image of one channel, maps computed from it, and a flag
// that is expanded.
TEST(JoinTest, TheResultIsChannelsLastIfOneOfTheMapsIs) {
    const torch::Tensor image = torch::rand({2, 1, 4, 4}),
                        flag = torch::rand({2, 1, 1, 1}).expand({-1, -1, 4, 4});
    const torch::Tensor map = torch::rand({2, 3, 4, 4}).contiguous(kChannelsLast);
    const torch::Tensor all = join_channels({image, map, flag});
    EXPECT_TRUE(all.is_contiguous(kChannelsLast)) << all.strides();
    EXPECT_TRUE(torch::equal(all, torch::cat({image, map.contiguous(), flag}, 1)));
    EXPECT_TRUE(join_channels({map.contiguous(), map.narrow(1, 0, 2)}).is_contiguous(kChannelsLast))
        << "a part of one counts";
    EXPECT_TRUE(join_channels({image, map.contiguous()}).is_contiguous());
}

// Derivatives of sum(w * join^3), by autograd through join_channels and through LibTorch's cat;
// some maps may have no gradient.
TEST(JoinTest, FirstAndSecondDerivativesEqualThoseOfCat) {
    torch::manual_seed(3);
    const Maps values{torch::rand({2, 2, 3, 3}, torch::kDouble),
                      torch::rand({2, 5, 3, 3}, torch::kDouble).contiguous(kChannelsLast),
                      torch::rand({2, 1, 3, 3}, torch::kDouble)};
    const torch::Tensor weight = torch::rand({2, 8, 3, 3}, torch::kDouble);
    for (const std::vector<bool>& wanted :
         {std::vector{true, true, true}, std::vector{true, false, true}}) {
        const auto derivatives = [&](const auto& join) {
            Maps maps, asked;
            for (size_t i = 0; i < values.size(); ++i) {
                maps.push_back(values[i].detach().clone().set_requires_grad(wanted[i]));
                if (wanted[i]) asked.push_back(maps.back());
            }
            const torch::Tensor value = (weight * join(maps).pow(3)).sum();
            Maps first = torch::autograd::grad({value}, asked, {}, true, /*create_graph=*/true);
            // Of one map only: the gradients of the others are undefined.
            const torch::Tensor norm = first[0].pow(2).sum();
            const Maps second = torch::autograd::grad({norm + first.back().sum()}, asked, {},
                                                      std::nullopt, false, true);
            first.insert(first.end(), second.begin(), second.end());
            return first;
        };
        const Maps ours = derivatives([](const Maps& maps) { return join_channels(maps); });
        const Maps theirs = derivatives([](const Maps& maps) { return torch::cat(maps, 1); });
        ASSERT_EQ(ours.size(), theirs.size());
        for (size_t i = 0; i < ours.size(); ++i) {
            ASSERT_EQ(ours[i].defined(), theirs[i].defined()) << i;
            if (!ours[i].defined()) continue;
            EXPECT_TRUE(torch::allclose(ours[i], theirs[i], 1e-12, 1e-14)) << i;
        }
    }
}

TEST(JoinTest, SecondDerivativesKeepTheLayout) {
    const torch::Tensor a =
        torch::rand({2, 4, 3, 3}).contiguous(kChannelsLast).set_requires_grad(true);
    const torch::Tensor b =
        torch::rand({2, 4, 3, 3}).contiguous(kChannelsLast).set_requires_grad(true);
    const torch::Tensor outer =
        torch::rand({2, 8, 3, 3}).contiguous(kChannelsLast).set_requires_grad(true);
    const Maps first = torch::autograd::grad({join_channels({a, b})}, {a, b}, {outer}, true,
                                             /*create_graph=*/true);
    // The gradient of the first map is undefined.
    const Maps second = torch::autograd::grad({first[1].pow(2).sum()}, {outer});
    EXPECT_TRUE(second[0].is_contiguous(kChannelsLast)) << second[0].strides();
    EXPECT_TRUE(torch::equal(second[0].narrow(1, 0, 4), torch::zeros({2, 4, 3, 3})));
    EXPECT_TRUE(torch::equal(second[0].narrow(1, 4, 4), 2 * outer.detach().narrow(1, 4, 4)));
}

} // namespace
} // namespace dagan::model
