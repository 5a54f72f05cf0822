"""A client of Flower's that has its weights already; runs in Flower's own environment."""

import sys

import flwr.client
import numpy as np

ADDRESS, SEED, ELEMENTS, LAYERS = sys.argv[1], *map(int, sys.argv[2:5])
WEIGHTS = np.array_split(np.random.default_rng(SEED).random(ELEMENTS, np.float32), LAYERS)


class Client(flwr.client.NumPyClient):
    def fit(self, parameters, config):
        return WEIGHTS, 1 + SEED, {}


flwr.client.start_client(server_address=ADDRESS, client=Client().to_client())
