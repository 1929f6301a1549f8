from __future__ import annotations

import copy

import pytest
import torch

from napari_sam2.network.kept import CAPACITY, Conv2d, ConvTranspose2d, Kept, Linear

ROUNDED = {"atol": 2e-2, "rtol": 2e-2}


def half():
    return torch.autocast("cpu", torch.bfloat16)


def plain(layer):
    """The same layer of PyTorch's own."""
    kind = getattr(torch.nn, type(layer).__name__)
    twin = kind.__new__(kind)
    twin.__dict__.update(layer.__dict__)
    return twin


LAYERS = {
    "small linear": (lambda: Linear(8, 12), (2, 5, 8)),
    "linear": (lambda: Linear(64, 65), (2, 128, 64)),
    "convolution": (lambda: Conv2d(8, 12, kernel_size=3, stride=2, padding=1), (2, 8, 6, 6)),
    "no bias": (lambda: Conv2d(8, 12, kernel_size=1, bias=False), (2, 8, 6, 6)),
    "1 x 1": (lambda: Conv2d(32, 33, kernel_size=1), (2, 32, 16, 17)),
    "patches": (lambda: Conv2d(3, 12, kernel_size=2, stride=2), (2, 3, 6, 4)),
    "patches with a rest": (lambda: Conv2d(3, 12, kernel_size=2, stride=2), (2, 3, 7, 4)),
    "up-convolution": (lambda: ConvTranspose2d(8, 4), (2, 8, 3, 5)),
}


@pytest.fixture(params=LAYERS)
def case(request):
    torch.manual_seed(0)
    make, shape = LAYERS[request.param]
    return make(), torch.randn(shape)


def test_layers_are_those_of_pytorch(case):
    layer, x = case
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), plain(layer)(x))
        with half():
            torch.testing.assert_close(layer(x).float(), plain(layer)(x).float(), **ROUNDED)


@pytest.mark.parametrize("rows", [1, 1000])
def test_small_products_stay_in_single_precision(rows):
    layer, x = Linear(32, 32), torch.randn(rows, 32)
    with torch.inference_mode(), half():
        result = layer(x)
    assert result.dtype == (torch.float32 if rows == 1 else torch.bfloat16)
    if rows == 1:
        torch.testing.assert_close(result, plain(layer)(x))


def test_nothing_is_mapped_to_nothing():
    with torch.inference_mode(), half():
        assert Linear(8, 12)(torch.zeros(1, 0, 8)).shape == (1, 0, 12)


def test_gradients_reach_the_weights(case):
    layer, x = case
    with torch.no_grad(), half():
        layer(x)
    with half():
        layer(x).sum().backward()
    assert float(layer.weight.grad.abs().sum()) > 0


def train(layer, x):
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=True)
    layer(x).sum().backward()
    optimizer.step()


def train_elsewhere(layer, x):
    """Change weights as only a fused optimizer could: nothing is counted, no call was seen."""
    layer.train()
    layer.weight.data.add_(1)
    layer.eval()


def average(layer, x):
    with torch.no_grad():
        torch._foreach_lerp_(
            list(layer.parameters()), [torch.ones_like(p) for p in layer.parameters()], 0.5
        )


def load(layer, x):
    layer.load_state_dict({k: v + 1 for k, v in layer.state_dict().items()})


def assign(layer, x):
    layer.load_state_dict({k: v + 1 for k, v in layer.state_dict().items()}, assign=True)


def convert(layer, x):
    layer.half().float().weight.data.add_(1)


@pytest.mark.parametrize("change", [convert, train, train_elsewhere, average, load, assign])
def test_changed_weights_are_noticed(case, change):
    layer, x = case
    with torch.inference_mode(), half():
        before = layer(x)
    change(layer, x)
    with torch.inference_mode(), half():
        after = layer(x)
        torch.testing.assert_close(after.float(), plain(layer)(x).float(), **ROUNDED)
    assert not torch.equal(before, after)


def test_nothing_is_computed_twice():
    kept, weight, calls = Kept(), torch.nn.Parameter(torch.ones(3)), []

    def compute():
        calls.append(1)
        return weight.sum()

    with torch.no_grad():
        for _ in range(3):
            assert float(kept.get("sum", [weight], compute)) == 3.0
        assert len(calls) == 1
        kept.get("other", [weight], compute)
        assert len(calls) == 2


def test_few_results_are_kept():
    kept, weight = Kept(), torch.nn.Parameter(torch.ones(3))
    with torch.no_grad():
        for size in range(3 * CAPACITY):
            kept.get(size, [weight], lambda: None)
    assert len(kept._results) <= CAPACITY


def test_a_copied_layer_begins_with_nothing():
    layer, x = Linear(32, 32), torch.ones(1000, 32)
    with torch.inference_mode(), half():
        layer(x)
        assert layer.kept._results
        twin = copy.deepcopy(layer)
        assert not twin.kept._results
        torch.testing.assert_close(twin(x), layer(x))


def test_what_is_kept_is_no_part_of_a_checkpoint():
    layer = Linear(4, 4)
    with torch.inference_mode(), half():
        layer(torch.ones(1, 4))
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_weights_made_in_inference_mode_are_taken():
    with torch.inference_mode():
        layer = Linear(4, 4)
        with half():
            assert layer(torch.ones(1, 4)).shape == (1, 4)
            assert layer(torch.ones(2**16, 4)).dtype == torch.bfloat16
