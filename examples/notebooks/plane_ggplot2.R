# The same with ggplot2: Rscript plane_ggplot2.R RUN ESTIMATOR PICTURE
library(ggplot2)
args <- commandArgs(trailingOnly = TRUE)
rows <- subset(read.csv(file.path(args[1], "plane.csv"), na.strings = ""), estimator == args[2])
plane <- reshape(rows[c("run", "epoch", "layer", "layer_index", "quantity", "value")], direction = "wide",
                 idvar = c("run", "epoch", "layer", "layer_index"), timevar = "quantity")
figure <- ggplot(plane, aes(value.I_XT, value.I_TY)) + facet_wrap(~run) +
  geom_path(aes(group = epoch), colour = "grey85") +
  geom_point(aes(colour = epoch, shape = reorder(layer, layer_index))) +
  scale_colour_viridis_c(trans = "log1p", breaks = c(0, 1, 10, 100)) +
  labs(x = "I(X;T)", y = "I(T;Y)", shape = "layer") + theme_bw()
ggsave(args[3], figure, width = 10, height = 4, dpi = 120)
