"""The figures of docs/performance.md: Bullhorn beside other ways to do the same, in one run.

`make bench` prints one table. Nothing here passes or fails: a slow machine has other figures.
"""
