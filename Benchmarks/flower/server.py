"""Flower's classic server: FedAvg over clients that do not train. Prints the seconds of each round; runs in Flower's own environment."""

import json
import sys
import time

import flwr.server
import numpy as np
from flwr.common import ndarrays_to_parameters
from flwr.server.strategy import FedAvg

ADDRESS, CLIENTS, ROUNDS, ELEMENTS, LAYERS = sys.argv[1], *map(int, sys.argv[2:6])


class Timed(FedAvg):
    """A round is from the sending of the model to the mean of what came back."""
    begun = 0.0
    rounds: list[float] = []

    def configure_fit(self, server_round, parameters, client_manager):
        # Returns when all clients are there.
        chosen = super().configure_fit(server_round, parameters, client_manager)
        Timed.begun = time.monotonic()
        return chosen

    def aggregate_fit(self, server_round, results, failures):
        if failures or len(results) != CLIENTS:
            raise RuntimeError(f"round {server_round}: {len(results)} results, {failures[:1]}")
        mean = super().aggregate_fit(server_round, results, failures)
        Timed.rounds.append(time.monotonic() - Timed.begun)
        print(json.dumps({"round": server_round, "seconds": Timed.rounds[-1]}), flush=True)
        return mean


first = ndarrays_to_parameters([np.zeros(ELEMENTS // LAYERS, np.float32) for _ in range(LAYERS)])
flwr.server.start_server(
    server_address=ADDRESS, config=flwr.server.ServerConfig(num_rounds=ROUNDS),
    strategy=Timed(fraction_fit=1.0, fraction_evaluate=0.0, min_fit_clients=CLIENTS, min_available_clients=CLIENTS,
                   initial_parameters=first))
