"""TopK autoencoder steps in torch, as dictionary_learning takes them: dense encoding, choice, dense decoding, autograd.

    sae.py INPUTS WIDTH BATCH STEPS THREADS K LEARNING_RATE FOLDER

FOLDER holds the batches, start decoder and start bias that ours wrote. The learning rate rises over the first 5 % of the
steps and falls over the last 20 %, as ours. Prints JSON: seconds of the loop, and the mean squared error of each step.
"""

import json
import sys
import time

import numpy
import torch

inputs, width, batch, steps, threads, k = map(int, sys.argv[1:7])
rate, folder = float(sys.argv[7]), sys.argv[8]
torch.set_num_threads(threads)


def read(name, *shape):
    return torch.from_numpy(numpy.fromfile(f"{folder}/{name}", dtype="<f4").reshape(shape).copy())


batches = read("batches", -1, batch, inputs)
# Ours trains on inputs of mean square norm 1.
scale = (batches[0].pow(2).sum() / batch).sqrt()
batches = batches / scale
decoder = read("decoder", width, inputs)
bias = torch.nn.Parameter(read("bias", inputs) / scale)
# torch.nn.Linear keeps both as [outputs, inputs].
encoder = torch.nn.Parameter(decoder.clone())
encoder_bias = torch.nn.Parameter(torch.zeros(width))
decoder = torch.nn.Parameter(decoder.T.contiguous())
parameters = [encoder, encoder_bias, decoder, bias]
optimiser = torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.999))


def factor(step):
    rise = (step + 1) / max(0.05 * steps, 1)
    return min(1.0, rise) * min(1.0, (steps - step) / max(0.2 * steps, 1))


schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
errors = []
started = time.perf_counter()
for step in range(steps):
    x = batches[step % len(batches)]
    activations = torch.relu(torch.nn.functional.linear(x - bias, encoder, encoder_bias))
    values, places = activations.topk(k, sorted=False, dim=-1)
    codes = torch.zeros_like(activations).scatter_(dim=-1, index=places, src=values)
    decoded = torch.nn.functional.linear(codes, decoder) + bias
    loss = (decoded - x).pow(2).sum(dim=-1).mean()
    optimiser.zero_grad()
    loss.backward()
    with torch.no_grad():
        along = (decoder.grad * decoder).sum(dim=0, keepdim=True)
        decoder.grad -= along * decoder
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()
    schedule.step()
    with torch.no_grad():
        decoder /= decoder.norm(dim=0, keepdim=True)
    errors.append(loss.item() * float(scale) ** 2 / inputs)
print(json.dumps({"seconds": time.perf_counter() - started, "mse": errors}))
