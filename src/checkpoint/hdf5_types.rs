//! Types of values in HDF5.
//!
//! Source: the HDF5 File Format Specification, version 3, IV.A.2.d, the datatype message.

use super::Dtype;
use hdf5_pure::{Datatype, DatatypeByteOrder, FixedPointLayout, FloatingPointLayout};

/// The type by its description, and whether its first byte is the highest.
pub(super) fn dtype_of(datatype: &Datatype) -> (Dtype, bool) {
    let known = match datatype {
        Datatype::FixedPoint { size, byte_order, layout } => integer(*size, layout).zip(order(byte_order)),
        Datatype::FloatingPoint { size, byte_order, layout } => float(*size, layout).zip(order(byte_order)),
        // Truth values, as h5py writes them.
        Datatype::Enumeration { size: 1, members, .. }
            if members.iter().map(|m| m.name.as_str()).eq(["FALSE", "TRUE"]) =>
        {
            Some((Dtype::Bool, false))
        }
        _ => None,
    };
    known.unwrap_or_else(|| (Dtype::Other(name(datatype).into()), false))
}

fn order(order: &DatatypeByteOrder) -> Option<bool> {
    match order {
        DatatypeByteOrder::LittleEndian => Some(false),
        DatatypeByteOrder::BigEndian => Some(true),
        DatatypeByteOrder::Vax => None,
    }
}

fn integer(size: u32, layout: &FixedPointLayout) -> Option<Dtype> {
    // Integers that do not fill their bytes would have to be shifted.
    if layout.bit_offset != 0 || u32::from(layout.bit_precision) != size.checked_mul(8)? {
        return None;
    }
    Some(match (layout.signed, size) {
        (true, 8) => Dtype::I64,
        (true, 4) => Dtype::I32,
        (true, 2) => Dtype::I16,
        (true, 1) => Dtype::I8,
        (false, 8) => Dtype::U64,
        (false, 4) => Dtype::U32,
        (false, 2) => Dtype::U16,
        (false, 1) => Dtype::U8,
        _ => return None,
    })
}

fn float(size: u32, layout: &FloatingPointLayout) -> Option<Dtype> {
    // Bits of the exponent, those of the fraction below it, and what is added to the exponent.
    let (dtype, exponent, fraction, bias) = match (size, layout.exponent_size) {
        (8, _) => (Dtype::F64, 11, 52, 1023),
        (4, _) => (Dtype::F32, 8, 23, 127),
        (2, 8) => (Dtype::Bf16, 8, 7, 127),
        (2, _) => (Dtype::F16, 5, 10, 15),
        _ => return None,
    };
    let expected = FloatingPointLayout {
        bit_offset: 0,
        bit_precision: 8 * u16::try_from(size).ok()?,
        exponent_location: fraction,
        exponent_size: exponent,
        mantissa_location: 0,
        mantissa_size: fraction,
        exponent_bias: bias,
    };
    (*layout == expected).then_some(dtype)
}

fn name(datatype: &Datatype) -> &'static str {
    match datatype {
        Datatype::FixedPoint { .. } => "integer of unusual width",
        Datatype::FloatingPoint { .. } => "float of unusual width",
        Datatype::Time { .. } => "time",
        Datatype::String { .. } | Datatype::VariableLength { is_string: true, .. } => "string",
        Datatype::BitField { .. } => "bit field",
        Datatype::Opaque { .. } => "opaque",
        Datatype::Compound { .. } => "compound",
        Datatype::Reference { .. } => "reference",
        Datatype::Enumeration { .. } => "enumeration",
        Datatype::VariableLength { .. } => "variable length",
        Datatype::Array { .. } => "array",
        _ => "of a kind of its own",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float_of(size: u32, exponent: u8, fraction: u8, bias: u32, byte_order: DatatypeByteOrder) -> Datatype {
        let layout = FloatingPointLayout {
            bit_offset: 0,
            bit_precision: 8 * size as u16,
            exponent_location: fraction,
            exponent_size: exponent,
            mantissa_location: 0,
            mantissa_size: fraction,
            exponent_bias: bias,
        };
        Datatype::FloatingPoint { size, byte_order, layout }
    }

    #[test]
    fn floats_are_told_by_their_bits() {
        use DatatypeByteOrder::{BigEndian, LittleEndian, Vax};
        for (datatype, expected) in [
            (float_of(8, 11, 52, 1023, LittleEndian), (Dtype::F64, false)),
            (float_of(4, 8, 23, 127, BigEndian), (Dtype::F32, true)),
            (float_of(2, 5, 10, 15, LittleEndian), (Dtype::F16, false)),
            (float_of(2, 8, 7, 127, LittleEndian), (Dtype::Bf16, false)),
            (float_of(2, 4, 11, 7, LittleEndian), (Dtype::Other("float of unusual width".into()), false)),
            (float_of(4, 8, 23, 127, Vax), (Dtype::Other("float of unusual width".into()), false)),
            (float_of(16, 15, 112, 16383, LittleEndian), (Dtype::Other("float of unusual width".into()), false)),
        ] {
            assert_eq!(dtype_of(&datatype), expected);
        }
    }

    #[test]
    fn integers_fill_their_bytes() {
        let of = |size: u32, signed: bool, bit_precision: u16| {
            let layout = FixedPointLayout { signed, bit_offset: 0, bit_precision };
            dtype_of(&Datatype::FixedPoint { size, byte_order: DatatypeByteOrder::BigEndian, layout })
        };
        assert_eq!(of(4, true, 32), (Dtype::I32, true));
        assert_eq!(of(1, false, 8), (Dtype::U8, true));
        assert_eq!(of(4, true, 24).0, Dtype::Other("integer of unusual width".into()));
        assert_eq!(of(3, true, 24).0, Dtype::Other("integer of unusual width".into()));
        assert_eq!(of(u32::MAX, true, 24).0, Dtype::Other("integer of unusual width".into()));
    }
}
