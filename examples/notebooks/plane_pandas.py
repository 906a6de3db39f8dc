# The information plane of a run: python3 plane_pandas.py RUN ESTIMATOR PICTURE
import sys
import matplotlib.pyplot as plt
import pandas as pd

run, estimator, picture = sys.argv[1:]
rows = pd.read_csv(f"{run}/plane.csv", keep_default_na=False, na_values=[""]).query("estimator == @estimator")
plane = rows.pivot(index=["run", "epoch", "layer_index"], columns="quantity", values="value").reset_index()
figure, axes = plt.subplots(1, plane.run.nunique(), figsize=(10, 4), sharex=True, sharey=True, squeeze=False, layout="constrained")
for axis, (name, panel) in zip(axes[0], plane.groupby("run")):
    lines = [panel.pivot(index="layer_index", columns="epoch", values=q) for q in ("I_XT", "I_TY")]
    axis.plot(*lines, color="0.85", linewidth=0.6)
    dots = axis.scatter(panel.I_XT, panel.I_TY, c=panel.epoch, norm="symlog", s=14, zorder=2)
    axis.set(title=name, xlabel=f"I(X;T) [{rows.unit.iloc[0]}]", ylabel=f"I(T;Y) [{rows.unit.iloc[0]}]")
figure.colorbar(dots, ax=axes, label="epoch")
figure.savefig(picture, dpi=120)
