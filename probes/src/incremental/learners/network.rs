//! Networks that are trained on whatever comes: a linear probe, and one with hidden layers.

use crate::ProbeError;
use crate::incremental::learner::{Learner, LearnerEntry, Samples};
use crate::train::{
    Given, Method, Mlp, Optimiser, Purpose, Scaling, Shape, Step, Weights, cross_entropy, joined, stream,
};
use narrows_estimators::registry::ParameterDoc;
use ndarray::{Array2, Axis};

pub(crate) const LINEAR: LearnerEntry = LearnerEntry {
    name: "linear-probe",
    summary: "softmax regression on standardised features, by descent",
    parameters: &STEP,
    order_free: false,
    build: |given, samples, seed| start("linear-probe", given, &[], samples, seed),
};

pub(crate) const MLP: LearnerEntry = LearnerEntry {
    name: "mlp",
    summary: "rectifier network on standardised features, by descent",
    parameters: &NETWORK,
    order_free: false,
    build: |given, samples, seed| start("mlp", given, &given.widths("hidden")?, samples, seed),
};

const HIDDEN: [ParameterDoc; 1] =
    [ParameterDoc { name: "hidden", default: "128", meaning: "units of the hidden layers: 128, 256x128" }];

const STEP: [ParameterDoc; 4] = [
    ParameterDoc {
        name: "optimiser",
        default: "adam",
        meaning: "adam, adamw or sgd; its moments live through the blocks",
    },
    ParameterDoc { name: "lr", default: "1e-3", meaning: "learning rate" },
    ParameterDoc {
        name: "weight-decay",
        default: "0",
        meaning: "L2 penalty for adam and sgd, decoupled decay for adamw",
    },
    ParameterDoc { name: "momentum", default: "0.9", meaning: "of sgd" },
];

const NETWORK: [ParameterDoc; 5] = joined(HIDDEN, STEP);

fn start<'a>(
    name: &'static str,
    given: &Given<'_>,
    hidden: &[usize],
    samples: &'a Samples,
    seed: u64,
) -> Result<Box<dyn Learner + 'a>, ProbeError> {
    let methods = [("adam", Method::Adam), ("adamw", Method::AdamW), ("sgd", Method::Sgd)];
    let step = Step {
        method: given.choice("optimiser", &methods)?,
        rate: given.positive("lr")? as f32,
        decay: given.not_negative("weight-decay")? as f32,
        momentum: given.value("momentum", "it must be in [0, 1)", |m: &f64| (0.0..1.0).contains(m))? as f32,
    };
    let inputs = Scaling::of(samples.unlabelled.view()).apply(samples.inputs.view());
    let shape = Shape::relu(inputs.ncols(), hidden, samples.classes, 0.0);
    let network = Mlp::new(&shape, &mut stream(seed, Purpose::Weights, 0, 0));
    let gradient = network.clone();
    let optimiser = Optimiser::new(vec![step], &network);
    Ok(Box::new(NetworkLearner { name, network, gradient, optimiser, inputs, labels: &samples.labels }))
}

struct NetworkLearner<'a> {
    name: &'static str,
    network: Mlp,
    gradient: Mlp,
    optimiser: Optimiser,
    inputs: Array2<f32>,
    labels: &'a [u32],
}

impl Learner for NetworkLearner<'_> {
    fn learn(&mut self, rows: &[usize]) -> Result<(), ProbeError> {
        // Nothing is dropped, so the stream of the noise is never read.
        let trace = self.network.trace(self.inputs.select(Axis(0), rows), &mut stream(0, Purpose::Noise, 0, 0));
        let (loss, slope) = cross_entropy(trace.output(), rows.iter().map(|&r| self.labels[r]));
        if !loss.is_finite() {
            let name = self.name;
            return Err(ProbeError::Data(format!("{name}: the loss became {loss}; a smaller learning rate helps")));
        }
        self.gradient.clear();
        self.network.backward(&trace, slope, &mut self.gradient);
        self.optimiser.step(&mut self.network, &self.gradient);
        Ok(())
    }

    fn scores(&mut self, rows: &[usize]) -> Result<Array2<f32>, ProbeError> {
        Ok(self.network.forward(self.inputs.select(Axis(0), rows).view()))
    }
}
