"""From runs to cells: medians, ratios within a turn, and a table of them."""

from statistics import median

COLUMNS = ["", "MB/s", "req/s", "of producer", "own CPU-s/GB", "(range)", "of floor", "peak RSS MB", "p50 ms", "p99 ms",
           "broker CPU-s/GB"]


def derive(result: dict) -> dict:
    """Adds what follows from a run's own figures."""
    gigabytes = result["bytes"] / 1e9
    result["mb_per_second"] = result["bytes"] / result["seconds"] / 1e6 if result["seconds"] else 0.0
    result["per_second"] = result["requests"] / result["seconds"] if result["seconds"] else 0.0
    for kind in ("", "broker_", "load_"):
        if kind + "cpu_seconds" in result:
            result[kind + "cpu_per_gb"] = result[kind + "cpu_seconds"] / gigabytes if gigabytes else 0.0
    return result


def problems(result: dict) -> list[str]:
    """What makes a run's figures worth nothing, or less."""
    found = []
    refused = {status: count for status, count in result.get("statuses", {}).items() if status != "202"}
    if refused:
        found.append("refused: " + ", ".join(f"{count} × {status}" for status, count in refused.items()))
    for key in ("broken", "repeats", "failed"):
        if result.get(key):
            found.append(f"{key}: {result[key]}")
    if result["records"] < result["requests"]:
        found.append(f"{result['requests']} were acknowledged, but {result['records']} are on the log")
    if result["requests"] == 0:
        found.append("nothing was stored")
    return found


def cells(runs: list[dict]) -> list[dict]:
    """One row a size and contestant. Ratios are of runs in the same turn: the broker drifts more than they do."""
    rows = []
    for size, name in dict.fromkeys((run["body"], run["contestant"]) for run in runs):
        mine = [run for run in runs if run["body"] == size and run["contestant"] == name and run["requests"]]
        if not mine:
            continue
        row = {"body": size, "contestant": name, "turns": len(mine), "connections": mine[0]["connections"],
               "spoiled": sum(1 for run in mine if run["problems"])}
        for key in ("mb_per_second", "per_second", "cpu_per_gb", "peak_rss_mb", "p50_ms", "p99_ms", "broker_cpu_per_gb",
                    "load_cpu_per_gb"):
            values = [run[key] for run in mine if key in run]
            row[key] = median(values) if values else None
        row["cpu_per_gb_range"] = [min(run["cpu_per_gb"] for run in mine), max(run["cpu_per_gb"] for run in mine)]
        for base, key in (("producer", "mb_per_second"), ("floor", "mb_per_second"), ("floor", "cpu_per_gb"),
                          ("producer", "cpu_per_gb")):
            of = {run["turn"]: run[key] for run in runs if run["body"] == size and run["contestant"] == base and run[key]}
            ratios = [run[key] / of[run["turn"]] for run in mine if run["turn"] in of]
            row[f"{key}_of_{base}"] = median(ratios) if ratios else None
        rows.append(row)
    return rows


def figure(value, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def show(rows: list[dict], broker_is_ours: bool) -> str:
    """The table, a block a size."""
    lines = []
    for size in dict.fromkeys(row["body"] for row in rows):
        block = [row for row in rows if row["body"] == size]
        table = [COLUMNS]
        for row in block:
            low, high = row["cpu_per_gb_range"]
            table.append([
                row["contestant"] + " !" * bool(row["spoiled"]), figure(row["mb_per_second"], 0), figure(row["per_second"], 0),
                figure(row["mb_per_second_of_producer"], 2), figure(row["cpu_per_gb"], 2), f"{low:.2f}–{high:.2f}",
                figure(row["cpu_per_gb_of_floor"], 2), figure(row["peak_rss_mb"], 1), figure(row["p50_ms"], 2),
                figure(row["p99_ms"], 2), figure(row["broker_cpu_per_gb"] if broker_is_ours else None, 2)])
        lines += ["", f"{size} bodies, {block[0]['connections']} connections, median of {block[0]['turns']}"] + aligned(table)
    return "\n".join(lines)


def show_memory(results: list[dict]) -> str:
    """Peak memory by body size, one connection."""
    sizes = list(dict.fromkeys(result["body"] for result in results))
    table = [["peak RSS MB", *sizes]]
    for name in dict.fromkeys(result["contestant"] for result in results):
        mine = {result["body"]: result for result in results if result["contestant"] == name}
        table.append([name, *(figure(mine[size]["peak_rss_mb"], 1) + " !" * bool(mine[size]["problems"]) if size in mine else "–"
                              for size in sizes)])
    return "\n".join(["", "memory, one connection, three uploads"] + aligned(table))


def aligned(table: list[list[str]], left: int = 1) -> list[str]:
    """Lines of a table whose first `left` columns are words."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return ["  ".join(text.ljust(width) if place < left else text.rjust(width)
                      for place, (text, width) in enumerate(zip(row, widths))).rstrip() for row in table]
