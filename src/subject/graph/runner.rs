//! Running a graph on batches of samples.

use super::guard::guarded;
use super::taps::inputs;
use super::{Axis, GraphInput};
use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::{ArrayD, Axis as Along, IxDyn, Slice, concatenate};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

/// What an input is fed with, the samples along the first axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Feed {
    /// Real numbers.
    Real(ArrayD<f32>),
    /// Whole numbers, such as tokens.
    Whole(ArrayD<i64>),
}

impl Feed {
    /// Its axes.
    pub fn shape(&self) -> &[usize] {
        match self {
            Feed::Real(values) => values.shape(),
            Feed::Whole(values) => values.shape(),
        }
    }

    /// Samples `start..end`, the last one repeated until there are `length`.
    fn part(&self, start: usize, end: usize, length: usize) -> Feed {
        fn of<T: Clone>(values: &ArrayD<T>, start: usize, end: usize, length: usize) -> ArrayD<T> {
            let rows: Vec<usize> = (start..start + length).map(|row| row.min(end - 1)).collect();
            values.select(Along(0), &rows)
        }
        match self {
            Feed::Real(values) => Feed::Real(of(values, start, end, length)),
            Feed::Whole(values) => Feed::Whole(of(values, start, end, length)),
        }
    }

    fn tensor(self, dtype: DatumType) -> Result<TValue> {
        let tensor: Tensor = match self {
            Feed::Real(values) => values.as_standard_layout().into_owned().into(),
            Feed::Whole(values) => values.as_standard_layout().into_owned().into(),
        };
        Ok(tensor.cast_to_dt(dtype)?.into_owned().into())
    }
}

/// Samples that a graph may be saved for: the last ones are repeated until there are so many.
const MAX_FIXED: usize = 1 << 16;

type Plan = Arc<TypedRunnableModel>;

/// A graph that is ready to be run.
pub struct Runner {
    model: InferenceModel,
    inputs: Vec<GraphInput>,
    /// The plan for any number of samples, where the engine has one.
    open: Option<Plan>,
    /// Plans for inputs of one shape.
    closed: Mutex<HashMap<Vec<Vec<usize>>, Plan>>,
}

impl Runner {
    /// Prepares a model that yields the values `names`, in this order.
    pub(super) fn new(model: ModelProto, names: &[&str]) -> Result<Self> {
        let inputs = inputs(&model);
        let attempt = || -> Result<InferenceModel> {
            let parsed = tract_onnx::onnx().parse(&model, None)?;
            let outlets = names
                .iter()
                .map(|name| parsed.outlets_by_name.get(*name).copied().ok_or_else(|| anyhow!("{name} is lost")))
                .collect::<Result<Vec<_>>>()?;
            parsed.model.with_output_outlets(&outlets)
        };
        let model = guarded(attempt).context("the graph cannot be run")?;
        let open = guarded(|| model.clone().into_optimized()?.into_runnable()).ok();
        Ok(Self { model, inputs, open, closed: Mutex::default() })
    }

    /// What it must be fed with: those of the graph's inputs that the taps depend on.
    pub fn inputs(&self) -> &[GraphInput] {
        &self.inputs
    }

    /// The taps' values, the samples along the first axis.
    ///
    /// A graph that was saved for a fixed number of samples is run on so many at a time.
    ///
    /// # Errors
    /// When the feeds are not what the graph takes, or the engine fails.
    pub fn run(&self, feeds: &[Feed]) -> Result<Vec<ArrayD<f32>>> {
        ensure!(
            feeds.len() == self.inputs.len(),
            "the graph has {} input(s) ({}), but {} were given",
            self.inputs.len(),
            self.inputs.iter().map(|i| i.name.as_str()).collect::<Vec<_>>().join(", "),
            feeds.len()
        );
        let n = feeds.first().and_then(|f| f.shape().first().copied()).unwrap_or(0);
        ensure!(n > 0, "there are no samples");
        for (feed, input) in feeds.iter().zip(&self.inputs) {
            check(feed, input)?;
        }
        let fixed = self.inputs.iter().find_map(|i| match i.shape.as_ref()?.first()? {
            Axis::Known(length) if *length > 0 && *length != n => Some(*length),
            _ => None,
        });
        let Some(length) = fixed else { return self.run_once(feeds.to_vec()) };
        ensure!(
            length <= MAX_FIXED,
            "the graph was saved for {length} samples at a time, and at most {MAX_FIXED} are run; save it for fewer"
        );
        if let Some((feed, input)) = feeds.iter().zip(&self.inputs).find(|(feed, _)| feed.shape().first() != Some(&n)) {
            bail!("the graph's input {} was given {:?}, but the first one has {n} samples", input.name, feed.shape());
        }
        let mut parts: Vec<Vec<ArrayD<f32>>> = Vec::new();
        for start in (0..n).step_by(length) {
            let end = (start + length).min(n);
            let values = self.run_once(feeds.iter().map(|f| f.part(start, end, length)).collect())?;
            let own = values.into_iter().map(|v| {
                ensure!(
                    v.shape().first() == Some(&length),
                    "the graph was saved for {length} samples, but a layer of shape {:?} has not one row a sample",
                    v.shape()
                );
                Ok(v.slice_axis(Along(0), Slice::from(0..end - start)).to_owned())
            });
            parts.push(own.collect::<Result<_>>()?);
        }
        let taps = parts.first().map_or(0, Vec::len);
        (0..taps)
            .map(|tap| {
                let views: Vec<_> = parts.iter().map(|part| part[tap].view()).collect();
                Ok(concatenate(Along(0), &views)?)
            })
            .collect()
    }

    fn run_once(&self, feeds: Vec<Feed>) -> Result<Vec<ArrayD<f32>>> {
        let shapes: Vec<Vec<usize>> = feeds.iter().map(|f| f.shape().to_vec()).collect();
        if let Some(plan) = &self.open {
            match guarded(|| execute(plan, &feeds, &self.inputs)) {
                Ok(values) => return Ok(values),
                // What fails for shapes that are open may work for those that are known.
                Err(e) => {
                    let closed = self.closed_plan(&shapes).map_err(|_| e)?;
                    return guarded(|| execute(&closed, &feeds, &self.inputs));
                }
            }
        }
        let plan = self.closed_plan(&shapes)?;
        guarded(|| execute(&plan, &feeds, &self.inputs))
    }

    fn closed_plan(&self, shapes: &[Vec<usize>]) -> Result<Plan> {
        let mut plans = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(shapes) {
            return Ok(plan.clone());
        }
        let plan = guarded(|| {
            let mut model = self.model.clone();
            for (index, shape) in shapes.iter().enumerate() {
                let fact = InferenceFact::dt_shape(datum_type(&self.inputs[index])?, shape.as_slice());
                model.set_input_fact(index, fact)?;
            }
            model.into_optimized()?.into_runnable()
        })
        .with_context(|| format!("the graph cannot be run on inputs of shape {shapes:?}"))?;
        plans.insert(shapes.to_vec(), plan.clone());
        Ok(plan)
    }
}

fn execute(plan: &Plan, feeds: &[Feed], inputs: &[GraphInput]) -> Result<Vec<ArrayD<f32>>> {
    let tensors = feeds.iter().zip(inputs).map(|(feed, input)| feed.clone().tensor(datum_type(input)?));
    let values = plan.run(tensors.collect::<Result<TVec<_>>>()?)?;
    values
        .into_iter()
        .map(|value| {
            let tensor = value.into_tensor();
            Ok(match tensor.datum_type() {
                DatumType::F32 => tensor.into_plain_array::<f32>()?,
                _ => tensor.cast_to::<f32>()?.into_owned().into_plain_array::<f32>()?,
            })
        })
        .collect()
}

/// That a feed has the axes that the input has, where they are known. The first axis may differ: see [`Runner::run`].
fn check(feed: &Feed, input: &GraphInput) -> Result<()> {
    let Some(axes) = &input.shape else { return Ok(()) };
    let fits = axes.len() == feed.shape().len()
        && axes.iter().zip(feed.shape()).skip(1).all(|(axis, length)| match axis {
            Axis::Known(n) => n == length,
            Axis::Open(_) => true,
        });
    ensure!(
        fits,
        "the graph's input {} takes {}, but it was given {:?}",
        input.name,
        super::taps::shape_text(Some(axes)),
        feed.shape()
    );
    Ok(())
}

fn datum_type(input: &GraphInput) -> Result<DatumType> {
    use crate::checkpoint::Dtype;
    Ok(match &input.dtype {
        Dtype::F32 => DatumType::F32,
        Dtype::F64 => DatumType::F64,
        Dtype::F16 => DatumType::F16,
        Dtype::I64 => DatumType::I64,
        Dtype::I32 => DatumType::I32,
        Dtype::I16 => DatumType::I16,
        Dtype::I8 => DatumType::I8,
        Dtype::U64 => DatumType::U64,
        Dtype::U32 => DatumType::U32,
        Dtype::U16 => DatumType::U16,
        Dtype::U8 => DatumType::U8,
        Dtype::Bool => DatumType::Bool,
        other => bail!("the graph's input {} is of type {other}, which cannot be fed", input.name),
    })
}

/// A sample's values as an input takes them: with an axis of length one where the input has one more, or folded from
/// one row.
///
/// # Errors
/// When the numbers of values differ.
pub(crate) fn fold(values: ArrayD<f32>, input: &GraphInput) -> Result<ArrayD<f32>> {
    let Some(axes) = &input.shape else { return Ok(values) };
    let fits = |shape: &[usize]| {
        shape.len() == axes.len()
            && shape.iter().zip(axes).skip(1).all(|(n, axis)| matches!(axis, Axis::Open(_)) || *axis == Axis::Known(*n))
    };
    if fits(values.shape()) {
        return Ok(values);
    }
    let lengths: Option<Vec<usize>> = axes[1.min(axes.len())..]
        .iter()
        .map(|axis| match axis {
            Axis::Known(length) => Some(*length),
            Axis::Open(_) => None,
        })
        .collect();
    let n = values.shape().first().copied();
    let found = values.shape().get(1..).unwrap_or_default().to_vec();
    let refuse = || {
        anyhow!(
            "the samples have the shape {found:?}, but the network's input {} takes {}",
            input.name,
            super::taps::shape_text(Some(axes))
        )
    };
    // Open axes beyond the first: only an axis of one channel can be added.
    let target = match lengths {
        Some(lengths) => lengths,
        None if axes.len() == values.ndim() + 1 => [&[1], found.as_slice()].concat(),
        None => return Err(refuse()),
    };
    // A file's axes may be of any length: their product too.
    let count = target.iter().try_fold(1usize, |count, &axis| count.checked_mul(axis));
    let Some(n) = n.filter(|_| count == Some(found.iter().product())) else { return Err(refuse()) };
    let shape = [&[n], target.as_slice()].concat();
    let values = values.as_standard_layout().into_owned();
    values.into_shape_with_order(IxDyn(&shape)).map_err(|_| refuse())
}
