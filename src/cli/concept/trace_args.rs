//! Options that trace the concept information plane through a training.

/// Whether and how it is traced.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TraceArgs {
    /// Trace the concept information plane of the test samples through training, into plane.csv
    #[arg(long)]
    trace: bool,
    /// Estimator of that plane, as NAME:KEY=VALUE,…; may be given several times [default: kde:variance=0.01]
    #[arg(long, value_name = "SPEC", requires = "trace")]
    trace_estimator: Vec<String>,
}

impl TraceArgs {
    /// The estimators that were named (the usual one if none), where a trace is wanted.
    pub(super) fn estimators(&self) -> Option<Vec<String>> {
        self.trace.then(|| self.trace_estimator.clone())
    }
}
