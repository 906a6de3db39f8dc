# The information plane of a run, in R alone: Rscript plane.R RUN ESTIMATOR PICTURE
args <- commandArgs(trailingOnly = TRUE)
rows <- subset(read.csv(file.path(args[1], "plane.csv"), na.strings = ""), estimator == args[2])
plane <- reshape(rows[c("run", "epoch", "layer_index", "quantity", "value")], direction = "wide",
                 idvar = c("run", "epoch", "layer_index"), timevar = "quantity")
colour <- function(epoch) hcl.colors(101)[1 + round(100 * log1p(epoch) / log1p(max(plane$epoch)))]
png(args[3], width = 1200, height = 500, res = 120)
par(mfrow = c(1, length(unique(plane$run))), mar = c(4, 4, 2, 1))
for (panel in split(plane, plane$run)) {
  plot(plane$value.I_XT, plane$value.I_TY, type = "n", main = panel$run[1], xlab = "I(X;T)", ylab = "I(T;Y)")
  for (line in split(panel, panel$epoch)) lines(line$value.I_XT, line$value.I_TY, col = "grey85")
  points(panel$value.I_XT, panel$value.I_TY, col = colour(panel$epoch), pch = 14 + panel$layer_index)
}
