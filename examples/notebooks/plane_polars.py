# The information plane of a run: python3 plane_polars.py RUN ESTIMATOR PICTURE
import sys
import matplotlib.pyplot as plt
import polars as pl

run, estimator, picture = sys.argv[1:]
rows = pl.read_parquet(f"{run}/plane.parquet").filter(pl.col("estimator") == estimator)
plane = rows.pivot("quantity", index=["run", "epoch", "layer_index"], values="value").sort("run", "epoch", "layer_index")
figure, axes = plt.subplots(1, plane["run"].n_unique(), figsize=(10, 4), sharex=True, sharey=True, squeeze=False, layout="constrained")
for axis, ((name,), panel) in zip(axes[0], plane.group_by(["run"], maintain_order=True)):
    for _, line in panel.group_by(["epoch"], maintain_order=True):
        axis.plot(line["I_XT"], line["I_TY"], color="0.85", linewidth=0.6)
    dots = axis.scatter(panel["I_XT"], panel["I_TY"], c=panel["epoch"], norm="symlog", s=14, zorder=2)
    axis.set(title=name, xlabel=f"I(X;T) [{rows['unit'][0]}]", ylabel=f"I(T;Y) [{rows['unit'][0]}]")
figure.colorbar(dots, ax=axes, label="epoch")
figure.savefig(picture, dpi=120)
