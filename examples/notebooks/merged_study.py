# Means over seeds with a band of two standard errors, from a merged study: python3 merged_study.py STUDY PICTURE
import sys
import matplotlib.pyplot as plt
import pandas as pd

study, picture = sys.argv[1:]
plane = pd.read_csv(f"{study}/plane.csv", keep_default_na=False, na_values=[""]).query("quantity == 'I_XT'")
panels = plane.groupby([c for c in plane.columns if c.startswith("grid_") and c != "grid_seed"])
figure, axes = plt.subplots(1, len(panels), figsize=(3.5 * len(panels), 3.5), sharey=True, squeeze=False, layout="constrained")
for axis, (name, panel) in zip(axes[0], panels):
    for layer, own in panel.sort_values("layer_index").groupby("layer", sort=False):
        seeds = own.groupby("epoch").value.agg(["mean", "sem"])
        axis.plot(seeds.index, seeds["mean"], label=layer)
        axis.fill_between(seeds.index, seeds["mean"] - 2 * seeds["sem"], seeds["mean"] + 2 * seeds["sem"], alpha=0.25)
    axis.set(title=", ".join(map(str, name)), xscale="symlog", xlabel="epoch", ylabel=f"I(X;T) [{plane.unit.iloc[0]}]")
axes[0, -1].legend()
figure.savefig(picture, dpi=120)
