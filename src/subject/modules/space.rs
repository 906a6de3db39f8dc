//! Convolutions and pools: what moves over axes of space.

use super::assemble::{Assembler, Value, shape_text};
use super::description::{Padding, Window};
use super::graph::{int, ints};
use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::AttributeProto;

/// A kernel's steps and paddings along each axis of space, and how many places it comes to.
#[derive(Debug, PartialEq, Eq)]
struct Placed {
    stride: Vec<usize>,
    dilation: Vec<usize>,
    before: Vec<usize>,
    after: Vec<usize>,
    lengths: Vec<usize>,
}

/// One entry for each of `axes`, from one for all or one each.
fn each(list: &[usize], axes: usize, what: &str) -> Result<Vec<usize>> {
    match list {
        [one] => Ok(vec![*one; axes]),
        list if list.len() == axes => Ok(list.to_vec()),
        list => bail!("{what} = {list:?}, but there are {axes} axes of space: one number for all, or one each"),
    }
}

/// Places that a kernel of this size comes to. With `ceil`, a last one counts that begins within the image or the
/// padding before it, even though it ends beyond.
fn place(window: &Window, space: &[usize], kernel: &[usize], ceil: bool) -> Result<Placed> {
    let axes = space.len();
    let (stride, dilation) = (each(&window.stride, axes, "stride")?, each(&window.dilation, axes, "dilation")?);
    let amount = match &window.padding {
        Padding::Same => None,
        Padding::Amount(list) => Some(each(list, axes, "padding")?),
    };
    let mut placed = Placed { stride, dilation, before: vec![], after: vec![], lengths: vec![] };
    for axis in 0..axes {
        let (length, step) = (space[axis], placed.stride[axis]);
        let reach = placed.dilation[axis].saturating_mul(kernel[axis].saturating_sub(1)).saturating_add(1);
        let (before, after) = match &amount {
            Some(amount) => (amount[axis], amount[axis]),
            None => {
                let places = length.div_ceil(step);
                let total = (places.saturating_sub(1) * step).saturating_add(reach).saturating_sub(length);
                (total / 2, total - total / 2)
            }
        };
        let padded = length.saturating_add(before).saturating_add(after);
        ensure!(
            reach <= padded && reach > 0,
            "its kernel reaches over {reach}, but axis {axis} of space has {length} and {before} + {after} of padding"
        );
        let room = padded - reach;
        let mut places = if ceil { room.div_ceil(step) } else { room / step } + 1;
        if ceil && (places - 1) * step >= length + before {
            places -= 1;
        }
        placed.before.push(before);
        placed.after.push(after);
        placed.lengths.push(places);
    }
    Ok(placed)
}

impl Placed {
    fn attributes(&self, kernel: &[usize]) -> Vec<AttributeProto> {
        let list = |values: &[usize]| values.iter().map(|&n| n as i64).collect::<Vec<_>>();
        vec![
            ints("kernel_shape", list(kernel)),
            ints("strides", list(&self.stride)),
            ints("pads", list(&[&self.before[..], &self.after[..]].concat())),
        ]
    }

    fn dilations(&self) -> AttributeProto {
        ints("dilations", self.dilation.iter().map(|&n| n as i64))
    }

    fn shape(&self, channels: usize) -> Vec<Option<usize>> {
        std::iter::once(channels).chain(self.lengths.iter().copied()).map(Some).collect()
    }
}

/// Channels and lengths of space; nothing where a length is not known or there is no space.
fn image(x: &Value) -> Option<(usize, Vec<usize>)> {
    let mut lengths = x.shape.iter().copied().collect::<Option<Vec<usize>>>()?;
    if lengths.len() < 2 {
        return None;
    }
    let channels = lengths.remove(0);
    Some((channels, lengths))
}

fn image_of(x: &Value) -> Result<(usize, Vec<usize>)> {
    image(x).with_context(|| format!("it takes [channels, …space], but gets {}", shape_text(&x.shape)))
}

impl Assembler<'_> {
    pub(super) fn conv(&mut self, name: &str, x: &Value, window: &Window, with_bias: bool) -> Result<Value> {
        let (channels, space) = image_of(x)?;
        let weight = self.weights.load(&format!("{name}.weight"))?;
        let (shape, given) = (&weight.shape, shape_text(&x.shape));
        ensure!(
            shape.len() == space.len() + 2 && !shape.contains(&0),
            "it gets {given}, but {name}.weight has the shape {shape:?}, where [outputs, inputs / groups, …kernel] with \
             {} lengths of the kernel is expected",
            space.len()
        );
        let (outputs, inputs, kernel) = (shape[0], shape[1], &shape[2..]);
        let groups = channels / inputs;
        ensure!(
            channels % inputs == 0 && outputs % groups.max(1) == 0 && groups > 0,
            "it gets {given}, {channels} channels, but {name}.weight {shape:?} takes {inputs}, or a multiple of {inputs} \
             in groups ([outputs, inputs / groups, …kernel])"
        );
        let placed = place(window, &space, kernel, false)?;
        let mut attributes = placed.attributes(kernel);
        attributes.push(placed.dilations());
        attributes.push(int("group", groups as i64));
        let w = self.graph.weights(&weight.key, shape, &weight.values);
        let bias = format!("{name}.bias");
        let b = match with_bias && self.weights.get(&bias).is_some() {
            true => {
                let bias = self.weights.expect(&bias, &[outputs])?;
                Some(self.graph.weights(&bias.key, &bias.shape, &bias.values))
            }
            false => None,
        };
        let inputs: Vec<&str> = [x.name.as_str(), &w].into_iter().chain(b.as_deref()).collect();
        self.graph.node("Conv", &inputs, attributes, name);
        self.tap(name, "conv", placed.shape(outputs), None)
    }

    pub(super) fn pool(
        &mut self,
        out: &str,
        x: &Value,
        (average, size, ceil, count_padding): (bool, &[usize], bool, bool),
        window: &Window,
    ) -> Result<Value> {
        let (channels, space) = image_of(x)?;
        let size = each(size, space.len(), "size")?;
        let placed = place(window, &space, &size, ceil)?;
        if let Padding::Amount(amount) = &window.padding {
            let amount = each(amount, space.len(), "padding")?;
            let fits = amount.iter().zip(&size).all(|(a, s)| a * 2 <= *s);
            ensure!(fits, "padding = {amount:?} is more than half of size = {size:?}");
        }
        let mut attributes = placed.attributes(&size);
        attributes.push(int("ceil_mode", ceil.into()));
        let (operator, kind) = match average {
            true => {
                ensure!(placed.dilation.iter().all(|&d| d == 1), "a mean over windows has no dilation");
                attributes.push(int("count_include_pad", count_padding.into()));
                ("AveragePool", "avg-pool")
            }
            false => {
                attributes.push(placed.dilations());
                ("MaxPool", "max-pool")
            }
        };
        self.graph.node(operator, &[&x.name], attributes, out);
        self.tap(out, kind, placed.shape(channels), None)
    }

    pub(super) fn global_pool(&mut self, out: &str, x: &Value, average: bool) -> Result<Value> {
        let (channels, space) = image_of(x)?;
        let axes = ints("axes", (0..space.len() as i64).map(|axis| axis + 2));
        let (operator, kind) =
            if average { ("ReduceMean", "global-avg-pool") } else { ("ReduceMax", "global-max-pool") };
        self.graph.node(operator, &[&x.name], vec![axes, int("keepdims", 0)], out);
        self.tap(out, kind, vec![Some(channels)], None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(stride: usize, padding: Padding, dilation: usize) -> Window {
        Window { stride: vec![stride], padding, dilation: vec![dilation] }
    }

    #[test]
    fn places_are_counted_as_the_frameworks_count() {
        let of = |w: &Window, length, kernel, ceil| {
            let p = place(w, &[length], &[kernel], ceil).unwrap();
            (p.before[0], p.after[0], p.lengths[0])
        };
        // TensorFlow: 224 with a kernel of 3 and steps of 2 gets no zero before and one after; of 5 and 1, two and two.
        assert_eq!(of(&window(2, Padding::Same, 1), 224, 3, false), (0, 1, 112));
        assert_eq!(of(&window(1, Padding::Same, 1), 14, 5, false), (2, 2, 14));
        assert_eq!(of(&window(2, Padding::Same, 1), 7, 3, false), (1, 1, 4));
        assert_eq!(of(&window(2, Padding::Same, 1), 7, 1, false), (0, 0, 4));
        // torch.nn.MaxPool1d(3, 2, 1) of 8, and with ceil_mode; Conv1d with dilation 2.
        assert_eq!(of(&window(2, Padding::Amount(vec![1]), 1), 8, 3, false), (1, 1, 4));
        assert_eq!(of(&window(2, Padding::Amount(vec![1]), 1), 8, 3, true), (1, 1, 5));
        assert_eq!(of(&window(2, Padding::Amount(vec![0]), 1), 5, 2, true), (0, 0, 3));
        assert_eq!(of(&window(1, Padding::Amount(vec![0]), 2), 8, 3, false), (0, 0, 4));
    }

    #[test]
    fn a_kernel_that_does_not_fit_is_told() {
        let e = place(&window(1, Padding::Amount(vec![0]), 1), &[2], &[3], false).unwrap_err().to_string();
        assert_eq!(e, "its kernel reaches over 3, but axis 0 of space has 2 and 0 + 0 of padding");
        let w = Window { stride: vec![1, 2, 3], padding: Padding::Same, dilation: vec![1] };
        let e = place(&w, &[2, 2], &[1, 1], false).unwrap_err().to_string();
        assert!(e.contains("there are 2 axes of space"), "{e}");
    }
}
