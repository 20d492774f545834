#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Medians and ratios of what bench.sh has measured: bench.py DIR BASELINE full|quick|record

A ratio is the median of a way on our kernel over that of kmem, the best way there is,
on the unpatched one. "grow" and "shrink", all of a region by its plugged_size, are held
against "plug" and "unplug", by its state, on the same kernel. The spread beside a median
is (largest - smallest) / median.
"""
import collections
import json
import os
import statistics
import sys

PLOT = """set xlabel "GiB"
set ylabel "seconds"
set logscale xy
set xtics (1, 4, 16, 64)
set key left top
"""
ONE = 'set terminal svg size 800,500 background "white"\n'
ALL = 'set terminal svg size 900,380 background "white"\nset output "times.svg"\nset multiplot layout 1,2\n'


RESIZE = {"grow": "plug", "shrink": "unplug"}


def read(path):
    figures = collections.defaultdict(list)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            kernel, shape, way, work, gib, micro = line.split()
            name = "unpatched" if kernel == "stock" else way
            figures[shape, work, int(gib), name].append(int(micro) / 1e6)
    return figures


def rows(figures):
    """One for each figure of ours, beside that which it is held against"""
    for (shape, work, gib, name), values in sorted(figures.items()):
        stock = figures.get((shape, RESIZE.get(work, work), gib, name if work in RESIZE else "unpatched"))
        if name == "unpatched" or not stock:
            continue
        median, base = statistics.median(values), statistics.median(stock)
        yield {"shape": shape, "work": work, "gib": gib, "way": name, "runs": len(values),
               "seconds": median, "spread": (max(values) - min(values)) / median,
               "against": base, "against_spread": (max(stock) - min(stock)) / base,
               "ratio": median / base}


def key(row):
    return f"{row['shape']} {row['work']} {row['gib']} {row['way']}"


def table(result, baseline):
    print("  shape    work       GiB way      seconds spread |   against spread | ratio" +
          (" baseline" if baseline else ""))
    for row in result:
        print(f"  {row['shape']:8} {row['work']:10} {row['gib']:3} {row['way']:8}"
              f" {row['seconds']:7.2f} {row['spread']:5.0%} | {row['against']:9.2f} {row['against_spread']:5.0%}"
              f"  | {row['ratio']:5.2f}" + (f" {baseline[key(row)]:8.2f}" if key(row) in baseline else ""))


def curves(directory, figures, shape, work):
    """What gnuplot is to plot of it, from files that are written here"""
    found = []
    for name, title in ("unpatched", "7.3, kmem"), ("kmem", "kmem"), ("sysram", "sysram region"):
        points = sorted((gib, statistics.median(values)) for (s, w, gib, n), values in figures.items()
                        if (s, w, n) == (shape, work, name))
        if not points:
            continue
        data = f"{work}-{shape}-{name}.dat"
        with open(os.path.join(directory, data), "w", encoding="utf-8") as file:
            file.writelines(f"{gib} {value}\n" for gib, value in points)
        found.append(f'"{data}" with linespoints title "{title}"')
    return ", ".join(found)


def plots(directory, figures):
    """One of each kind, and the two that everybody asks for in one file, for the documentation"""
    script = [PLOT, ONE]
    both = [ALL]
    for shape in sorted({key[0] for key in figures}):
        for work in "plug", "unplug", "create":
            plot = curves(directory, figures, shape, work)
            script.append(f'set title "{work}, {shape}"\nset output "{work}-{shape}.svg"\nplot {plot}\n')
            if shape == "2" and work != "create":
                both.append(f'set title "{work}"\nplot {plot}\n')
    script += both
    with open(os.path.join(directory, "plot.gp"), "w", encoding="utf-8") as file:
        file.write("".join(script))


def main(directory, path, mode):
    figures = read(os.path.join(directory, "figures"))
    result = list(rows(figures))
    baseline = {}
    if mode == "quick" and os.path.exists(path):
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if not line.startswith("#"):
                    name, _, ratio = line.rpartition(" ")
                    baseline[name] = float(ratio)
    table(result, baseline)
    with open(os.path.join(directory, "figures.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    if mode == "full":
        plots(directory, figures)
    if mode == "record":
        with open(path, "w", encoding="utf-8") as file:
            file.write("# Ratios to the unpatched kernel: shape, work, GiB, way. Written by bench.sh record.\n")
            # what differs by more than its median from run to run is nothing to be held against
            file.writelines(f"{key(row)} {row['ratio']:.2f}\n" for row in result
                            if max(row["spread"], row["against_spread"]) <= 1)


main(*sys.argv[1:])
