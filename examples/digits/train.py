"""Federated training on scikit-learn's handwritten digits, through a running gateway.

Every site keeps its images to itself: it trains on them for two epochs, uploads its weights, and goes on from the mean
that the gateway serves. The same network trained on all images in one place stands beside it for comparison.
"""

import argparse
import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import fedwt
import model

SEED = 7
EPOCHS = 2  # in each round, at each site


class Gateway:
    """The few requests that a client makes."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def open(self, method, path, body=None, **headers):
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        return urllib.request.urlopen(request, timeout=120)

    def next_round(self):
        with self.open("GET", "/rounds") as answer:
            return max((r["round_number"] for r in json.load(answer)["rounds"]), default=0) + 1

    def upload(self, number, site, weights, samples):
        body = fedwt.encode(weights, {"layer_names": model.NAMES})
        path = f"/rounds/{number}/updates/{site}?num_samples={samples}"
        with self.open("PUT", path, body, **{"Content-Type": "application/vnd.fedwt"}) as answer:
            return json.load(answer)

    def result(self, number, patience=300):
        """Waits for the round's mean. The gateway holds each request for up to 30 seconds until there is one."""
        deadline = time.monotonic() + patience
        while True:
            try:
                with self.open("GET", f"/rounds/{number}/result?wait=30") as answer:
                    return fedwt.decode(answer.read())[0]
            except urllib.error.HTTPError as error:
                problem = json.load(error)
                waiting = problem["type"] in ("/problems/round-pending", "/problems/round-unknown")
                if not waiting or time.monotonic() > deadline:
                    raise RuntimeError(f"round {number}: {error.code} {problem}") from None
                time.sleep(min(float(error.headers.get("Retry-After", 1)), 1))


class Site:
    """One participant: its own images, and the last model it knows."""

    def __init__(self, name, x, y, weights):
        self.name, self.x, self.y, self.weights = name, x, y, weights
        self.random = np.random.default_rng([SEED, int(name.split("-")[1])])

    def take_part(self, gateway, number):
        mine = model.train(self.weights, self.x, self.y, epochs=EPOCHS, random=self.random)
        gateway.upload(number, self.name, mine, len(self.y))
        self.weights = gateway.result(number)
        return self.weights


def shares(labels, count, skew=0.5):
    """Deals the samples out unequally: of each digit, every site gets a share drawn from a Dirichlet distribution."""
    random = np.random.default_rng(SEED)
    dealt = [[] for _ in range(count)]
    for digit in range(10):
        members = random.permutation(np.flatnonzero(labels == digit))
        cuts = np.cumsum(random.dirichlet([skew] * count))[:-1] * len(members)
        for site, part in zip(dealt, np.split(members, cuts.astype(int))):
            site.extend(part)
    return [np.array(sorted(indices)) for indices in dealt]


def plot(path, federated, central, histograms):
    """Draws accuracy by round, and what each site has."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    rounds = range(1, len(federated) + 1)
    left.plot(rounds, central, "--", color="0.5", label="all images in one place")
    left.plot(rounds, federated, "o-", label=f"federated, {len(histograms)} sites")
    left.set(xlabel="round", ylabel="accuracy on unseen images", title="Handwritten digits")
    left.grid(alpha=0.3)
    left.legend(loc="lower right")
    bottom = np.zeros(len(histograms))
    for digit, color in zip(range(10), pyplot.get_cmap("tab10").colors):
        height = np.array([h[digit] for h in histograms])
        right.bar(range(1, len(histograms) + 1), height, bottom=bottom, color=color, label=str(digit))
        bottom += height
    right.set(xlabel="site", ylabel="images", title="Who has which digits")
    right.legend(ncols=2, fontsize="small")
    figure.savefig(path, dpi=120)


def next_steps(url, number, start):
    """What to try with curl, for somebody who has just seen the first rounds."""
    steps = [
        (f"curl {url}/rounds/{number}", "who took part"),
        (f"curl -o model.fedwt {url}/rounds/latest/result", "the model"),
        (f"curl -T model.fedwt '{url}/rounds/{number + 1}/updates/site-1?num_samples=100'", "an update of your own"),
        (f"curl {url}/metrics", "for Prometheus"),
        (f"curl {url}/openapi.yaml", "everything else"),
    ]
    if start:
        steps.insert(0, (start, "the gateway again, should it be stopped"))
    print("\nWhat to try next:\n")
    for command, what in steps:
        print(f"  # {what}\n  {command}")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the gateway (%(default)s)")
    parser.add_argument("--sites", type=int, default=8, help="as many as the gateway's --min-updates (%(default)s)")
    parser.add_argument("--rounds", type=int, default=25, help="how many (%(default)s)")
    parser.add_argument("--plot", default="digits.png", help="where the picture goes (%(default)s)")
    parser.add_argument("--start", help="the command that starts this gateway, to be named at the end")
    options = parser.parse_args()

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=SEED)
    start = model.initial(SEED)
    sites = [Site(f"site-{i + 1}", x[part], y[part], start) for i, part in enumerate(shares(y, options.sites))]
    histograms = [np.bincount(site.y, minlength=10) for site in sites]
    print(f"{len(y)} images to learn from, {len(y_test)} to test with, {len(sites)} sites:\n")
    print("           total " + "".join(f"{digit:>5}" for digit in range(10)))
    for site, histogram in zip(sites, histograms):
        print(f"  {site.name:<8}{len(site.y):>6} " + "".join(f"{n or '.':>5}" for n in histogram))

    gateway = Gateway(options.url)
    first = gateway.next_round()
    everything, random = start, np.random.default_rng(SEED)
    federated, central = [], []
    print("\nround  federated  central")
    with ThreadPoolExecutor(len(sites)) as pool:
        for number in range(first, first + options.rounds):
            results = list(pool.map(lambda site: site.take_part(gateway, number), sites))
            everything = model.train(everything, x, y, epochs=EPOCHS, random=random)
            federated.append(model.accuracy(results[0], x_test, y_test))
            central.append(model.accuracy(everything, x_test, y_test))
            print(f"{number:>5}{federated[-1]:>11.3f}{central[-1]:>9.3f}", flush=True)

    plot(options.plot, federated, central, histograms)
    print(f"\nThe picture is in {options.plot}.")
    next_steps(gateway.url, number, options.start)
    print(f"federated accuracy {federated[-1]:.3f}, central accuracy {central[-1]:.3f}")


if __name__ == "__main__":
    main()
