"""The fused reading of scores is logsumexp and gather, in value and in gradient."""

import torch

from para.heads.scores import read_scores


def test_values_and_gradients_are_those_of_logsumexp_and_gather():
    torch.manual_seed(0)
    flat = torch.randn(3, 2, 50, dtype=torch.float64) * 30
    flat[0, 0, :20] = -torch.inf
    index = torch.randint(20, 50, (3, 2, 5))
    index[1, 1] = 7  # the same place five times: its gradients add up
    one, other = flat.clone().requires_grad_(), flat.clone().requires_grad_()
    weight = torch.randn(3, 2, 5, dtype=torch.float64)
    found = read_scores(one, index)
    wanted = other.logsumexp(-1), other.gather(-1, index)
    for a, b in zip(found, wanted):
        torch.testing.assert_close(a, b)
    for normaliser, scores in (found, wanted):
        (normaliser.square().sum() + (weight * scores).sum()).backward()
    torch.testing.assert_close(one.grad, other.grad)
    assert torch.autograd.gradcheck(lambda x: read_scores(x, index[1:]), flat[1:].clone().requires_grad_())


def test_a_row_without_any_allowed_score_has_no_gradient():
    flat = torch.full((1, 4), -torch.inf, requires_grad=True)
    normaliser, scores = read_scores(flat, torch.tensor([[2]]))
    assert normaliser.item() == -torch.inf and scores.item() == -torch.inf
    torch.logaddexp(normaliser, torch.zeros(1)).sum().backward()
    assert flat.grad.tolist() == [[0, 0, 0, 0]]
