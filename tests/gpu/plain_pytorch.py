#!/usr/bin/env python3
"""The DAGAN's networks and training iteration in plain, eager PyTorch.

The baseline of tests/gpu/run.sh. Layers, widths, batch and number of steps are those of the default
options (docs/reference/sweep.md).
`--check` only compares the numbers of parameters. Prints one JSON object with the seconds of an
iteration. Requires only torch.
"""
import argparse
import json
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTHS = (64, 64, 128, 128)
PARAMETERS = {28: (10_526_421, 7_072_551), 64: (10_604_311, 7_078_987)}


def same_pad(x, stride):
    """TensorFlow's SAME padding of a 3x3 convolution: an odd pixel of padding is last."""
    def total(n):
        return max((-(-n // stride) - 1) * stride + 3 - n, 0)
    height, width = total(x.shape[2]), total(x.shape[3])
    return F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))


class Conv(nn.Conv2d):
    def __init__(self, channels_in, channels_out, stride=1):
        super().__init__(channels_in, channels_out, 3, stride)
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x):
        return super().forward(same_pad(x, self.stride[0]))


class BatchRenorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        for name, value in (("a_mu", torch.zeros(channels)), ("a_sigma", torch.zeros(channels)),
                            ("w", torch.zeros(())), ("mean", torch.zeros(channels)),
                            ("variance", torch.ones(channels))):
            self.register_buffer(name, value)

    def forward(self, x):
        mu = x.mean((0, 2, 3))
        sigma = (x.var((0, 2, 3), unbiased=False) + 1e-3).sqrt()
        with torch.no_grad():
            mixed_mu = self.a_mu + (1 - self.w) * mu
            mixed_sigma = self.a_sigma + (1 - self.w) * sigma
            r, d = sigma / mixed_sigma, (mu - mixed_mu) / mixed_sigma
        shaped = lambda v: v[:, None, None]
        y = (x - shaped(mu)) / shaped(sigma) * shaped(r) + shaped(d)
        with torch.no_grad():
            self.a_mu.mul_(0.99).add_(mu, alpha=0.01)
            self.a_sigma.mul_(0.99).add_(sigma, alpha=0.01)
            self.w.mul_(0.99).add_(0.01)
            self.mean.mul_(0.99).add_(self.a_mu / self.w, alpha=0.01)
            self.variance.mul_(0.99).add_((self.a_sigma / self.w) ** 2 - 1e-3, alpha=0.01)
        return shaped(self.weight) * y + shaped(self.bias)


class LayerNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        y = F.layer_norm(x, x.shape[1:], eps=1e-12)
        return y * self.weight[:, None, None] + self.bias[:, None, None]


class Unit(nn.Module):
    def __init__(self, norm, channels_in, channels_out, stride=1, dropout=0.0):
        super().__init__()
        self.conv, self.norm = Conv(channels_in, channels_out, stride), norm(channels_out)
        self.dropout = dropout

    def forward(self, x):
        return F.dropout(self.norm(F.leaky_relu(self.conv(x), 0.2)), self.dropout)


class Encoder(nn.Module):
    def __init__(self, norm, channels, inner, dropout):
        super().__init__()
        self.first = Unit(norm, channels, WIDTHS[0], 2)
        self.projections, self.inner, self.last = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        previous, h = channels, WIDTHS[0]
        for width in WIDTHS[1:]:
            self.projections.append(Conv(previous, previous, 2))
            self.inner.append(nn.ModuleList(
                Unit(norm, h + j * width + (previous if j == 0 else 0), width)
                for j in range(inner)))
            self.last.append(Unit(norm, h + inner * width, width, 2, dropout))
            previous = h = width

    def forward(self, x):
        h, previous = self.first(x), x
        maps = [h]
        for projection, inner, last in zip(self.projections, self.inner, self.last):
            projected, dense = projection(previous), [h]
            for j, unit in enumerate(inner):
                dense.append(unit(torch.cat(dense + ([projected] if j == 0 else []), 1)))
            previous = dense[-1]
            h = last(torch.cat(dense, 1))
            maps.append(h)
        return maps


class Generator(nn.Module):
    def __init__(self, channels, size, inner=3, z_dim=100, dropout=0.5):
        super().__init__()
        self.size = size
        self.encoder = Encoder(BatchRenorm, channels, inner, dropout)
        sizes = [size]
        for _ in WIDTHS:
            sizes.append(-(-sizes[-1] // 2))
        self.noise_shapes = [(f, sizes[4 - level]) for level, f in enumerate((8, 4, 2))]
        self.noise = nn.ModuleList(nn.Linear(z_dim, f * n * n) for f, n in self.noise_shapes)
        self.projections, self.inner, self.up = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        h, previous = WIDTHS[3], 0
        for level in range(5):
            if level < 3:
                h += self.noise_shapes[level][0]
            if level == 4:
                h += channels
            width = WIDTHS[3 - level] if level < 4 else WIDTHS[0]
            self.projections.append(nn.ModuleList(
                Conv(previous, previous) for _ in range(inner if previous else 0)))
            self.inner.append(nn.ModuleList(
                Unit(BatchRenorm, h + j * width + previous, width) for j in range(inner)))
            if level < 4:
                self.up.append(Unit(BatchRenorm, h + inner * width, width, dropout=dropout))
                h = width + (WIDTHS[2 - level] if level < 3 else 0)
            previous = width
        self.tail = nn.Sequential(Unit(BatchRenorm, WIDTHS[0], WIDTHS[0]),
                                  Unit(BatchRenorm, WIDTHS[0], WIDTHS[0]),
                                  Conv(WIDTHS[0], channels))

    def forward(self, x, z):
        maps = self.encoder(x)
        h, previous = maps[3], None
        for level in range(5):
            if level < 3:
                f, n = self.noise_shapes[level]
                h = torch.cat((self.noise[level](z).view(-1, f, n, n), h), 1)
            if level == 4:
                h = torch.cat((h, x), 1)
            dense = [h]
            for j, unit in enumerate(self.inner[level]):
                projected = []
                if previous is not None:
                    resized = F.interpolate(previous, h.shape[2:])
                    projected = [self.projections[level][j](resized)]
                dense.append(unit(torch.cat(dense + projected, 1)))
            h = previous = dense[-1]
            if level < 4:
                target = maps[2 - level].shape[2:] if level < 3 else (self.size, self.size)
                h = self.up[level](F.interpolate(torch.cat(dense, 1), target))
                if level < 3:
                    h = torch.cat((h, maps[2 - level]), 1)
        return torch.tanh(self.tail(h))


class Critic(nn.Module):
    def __init__(self, channels, size, inner=5, dropout=0.5):
        super().__init__()
        self.encoder = Encoder(LayerNorm, 2 * channels, inner, dropout)
        last = -(-size // 16)
        self.hidden = nn.Linear(WIDTHS[3], 1024)
        self.score = nn.Linear(1024 + WIDTHS[3] * last * last, 1)

    def forward(self, x, y):
        h = self.encoder(torch.cat((y, x), 1))[-1]
        v = F.leaky_relu(self.hidden(h.mean((2, 3))), 0.2)
        return self.score(torch.cat((v, h.flatten(1)), 1)).squeeze(1)


class Training:
    def __init__(self, size, device, batch=32):
        self.channels, self.size = (1 if size == 28 else 3), size
        self.batch, self.device = batch, device
        self.generator = Generator(self.channels, size).to(device)
        self.critic = Critic(self.channels, size).to(device)
        adam = dict(lr=1e-4, betas=(0.0, 0.9), eps=1e-8)
        self.generator_adam = torch.optim.Adam(self.generator.parameters(), **adam)
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), **adam)
        self.images = torch.rand(400, self.channels, size, size, device=device) * 2 - 1

    def draw(self):
        pick = lambda: self.images[torch.randint(400, (self.batch,), device=self.device)]
        return pick(), pick(), torch.randn(self.batch, 100, device=self.device)

    def critic_step(self):
        x, real, z = self.draw()
        with torch.no_grad():
            fake = self.generator(x, z)
        epsilon = torch.rand(self.batch, 1, 1, 1, device=self.device)
        mixed = (real + epsilon * (fake - real)).requires_grad_()
        gradient, = torch.autograd.grad(self.critic(x, mixed).sum(), mixed, create_graph=True)
        penalty = ((gradient.square().sum((1, 2, 3)) + 1e-12).sqrt() - 1).square().mean()
        loss = self.critic(x, fake).mean() - self.critic(x, real).mean() + 10 * penalty
        self.critic_adam.zero_grad()
        loss.backward()
        self.critic_adam.step()

    def generator_step(self):
        x, _, z = self.draw()
        self.critic.requires_grad_(False)
        loss = -self.critic(x, self.generator(x, z)).mean()
        self.generator_adam.zero_grad()
        loss.backward()
        self.generator_adam.step()
        self.critic.requires_grad_(True)

    def iteration(self):
        for _ in range(5):
            self.critic_step()
        self.generator_step()


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, choices=(28, 64), default=28)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--warm-up", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--tf32", action="store_true",
                        help="convolutions in TF32, which is PyTorch's default")
    parser.add_argument("--check", action="store_true",
                        help="compare the numbers of parameters and stop")
    arguments = parser.parse_args()
    torch.backends.cudnn.allow_tf32 = arguments.tf32
    training = Training(arguments.size, arguments.device)
    found = (count(training.generator), count(training.critic))
    if found != PARAMETERS[arguments.size]:
        raise SystemExit(f"plain_pytorch.py: {found} parameters, not {PARAMETERS[arguments.size]}")
    if arguments.check:
        print("the networks have", *found, "parameters")
        return
    wait = torch.cuda.synchronize if arguments.device.startswith("cuda") else lambda: None
    for _ in range(arguments.warm_up):
        training.iteration()
    wait()
    least = float("inf")
    parts = 5
    for _ in range(parts):
        begin = time.perf_counter()
        for _ in range(max(1, arguments.rounds // parts)):
            training.iteration()
        wait()
        seconds = time.perf_counter() - begin
        least = min(least, seconds / max(1, arguments.rounds // parts))
    on_gpu = arguments.device.startswith("cuda")
    name = torch.cuda.get_device_name() if on_gpu else arguments.device
    print(json.dumps({"what": "plain PyTorch eager", "device": name,
                      "precision": "tf32" if arguments.tf32 else "float32",
                      "size": arguments.size, "torch": torch.__version__,
                      "iteration_s": least}))


if __name__ == "__main__":
    main()
