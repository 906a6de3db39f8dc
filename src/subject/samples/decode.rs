//! Image files: what their headers say, and their pixels when they are asked for.
//!
//! PNG and JPEG, told by content. Alpha is dropped and not blended, 16 bits are reduced to 8, palettes are resolved, and
//! a note on orientation (EXIF) is ignored: pixels come as they are stored.

use super::image_options::{Layout, MAX_PIXELS, Size};
use super::prepare::Picture;
use crate::guard::caught;
use anyhow::{Context, Result, bail, ensure};
use image::codecs::{jpeg::JpegDecoder, png::PngDecoder};
use image::io::Limits;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageResult};
use std::fs::{File, Metadata};
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// An image that is still in its file.
#[derive(Debug, Clone)]
pub(super) struct ImageFile {
    pub(super) path: PathBuf,
    /// Size by its header.
    pub(super) size: Size,
    /// One channel, or three.
    pub(super) channels: usize,
    format: ImageFormat,
    bytes: u64,
    modified: Option<SystemTime>,
}

/// Pixels of an image, one after the other.
pub(super) struct Decoded {
    values: Vec<u8>,
    size: Size,
    channels: usize,
}

impl Decoded {
    pub(super) fn picture(&self) -> Picture<'_, u8> {
        Picture { values: &self.values, size: self.size, channels: self.channels, layout: Layout::Nhwc }
    }
}

/// The format of an image by its first bytes; `None` for what is no image.
///
/// # Errors
/// When it is an image of another format.
pub(super) fn format_of(head: &[u8]) -> Result<Option<ImageFormat>> {
    let other = match image::guess_format(head) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => return Ok(Some(format)),
        Ok(ImageFormat::Gif) => "a GIF",
        Ok(ImageFormat::WebP) => "a WebP image",
        Ok(ImageFormat::Tiff) => "a TIFF",
        // Two letters and nothing more make a BMP, and may begin a table as well.
        _ => return Ok(None),
    };
    bail!("it is {other}; images are read as PNG and JPEG: convert it")
}

impl ImageFile {
    /// Reads a file's header.
    ///
    /// # Errors
    /// When the file cannot be read, is no PNG or JPEG, or declares no pixels or more than are handled.
    pub(super) fn open(path: &Path) -> Result<Self> {
        Self::header(path).with_context(|| format!("cannot use the image {}", path.display()))
    }

    fn header(path: &Path) -> Result<Self> {
        let meta = regular(path)?;
        ensure!(meta.len() > 0, "the file is empty");
        let mut reader = BufReader::new(File::open(path)?);
        let mut head = Vec::new();
        reader.by_ref().take(16).read_to_end(&mut head)?;
        reader.rewind()?;
        let format = format_of(&head)?.context("it is neither a PNG nor a JPEG, by its content")?;
        let (size, color) = match format {
            ImageFormat::Png => guarded(|| PngDecoder::with_limits(reader, limits()).map(|d| outline(&d)))?,
            _ => guarded(|| JpegDecoder::new(reader).map(|d| outline(&d)))?,
        };
        let pixels = size.width as u64 * size.height as u64;
        ensure!(pixels > 0, "its header says {size} pixels");
        ensure!(
            pixels <= MAX_PIXELS,
            "its header says {size} pixels, and no more than {MAX_PIXELS} are handled: make it smaller"
        );
        let channels = if color.has_color() { 3 } else { 1 };
        let (bytes, modified) = (meta.len(), meta.modified().ok());
        Ok(Self { path: path.into(), size, channels, format, bytes, modified })
    }

    /// Decodes the pixels.
    ///
    /// # Errors
    /// When the file is damaged, or not what it was when its header was read.
    pub(super) fn decode(&self) -> Result<Decoded> {
        self.pixels().with_context(|| format!("cannot use the image {}", self.path.display()))
    }

    fn pixels(&self) -> Result<Decoded> {
        let changed = "the file has changed since the command began";
        let meta = regular(&self.path)?;
        ensure!(meta.len() == self.bytes && meta.modified().ok() == self.modified, changed);
        let mut bytes = Vec::with_capacity(usize::try_from(self.bytes)?);
        File::open(&self.path)?.take(self.bytes + 1).read_to_end(&mut bytes)?;
        ensure!(bytes.len() as u64 == self.bytes, changed);
        let mut reader = image::io::Reader::with_format(Cursor::new(bytes), self.format);
        reader.limits(limits());
        let image = guarded(|| reader.decode())?;
        let found = Size { width: image.width() as usize, height: image.height() as usize };
        ensure!(found == self.size, "it has {found} pixels, but its header says {}", self.size);
        let (values, channels) = match image {
            DynamicImage::ImageLuma8(grey) => (grey.into_raw(), 1),
            DynamicImage::ImageRgb8(colour) => (colour.into_raw(), 3),
            other if other.color().has_color() => (other.to_rgb8().into_raw(), 3),
            other => (other.to_luma8().into_raw(), 1),
        };
        ensure!(channels == self.channels, "it has {channels} channel(s), but its header says {}", self.channels);
        Ok(Decoded { values, size: found, channels })
    }
}

/// Far above what the largest image takes, far below what a damaged one may ask for.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(16 * MAX_PIXELS);
    limits
}

fn outline<'a>(decoder: &impl ImageDecoder<'a>) -> (Size, ColorType) {
    let (width, height) = decoder.dimensions();
    (Size { width: width as usize, height: height as usize }, decoder.color_type())
}

/// A damaged image is an error, also where the decoder has not thought of it.
fn guarded<T>(decode: impl FnOnce() -> ImageResult<T>) -> Result<T> {
    match caught(decode) {
        Ok(decoded) => decoded.context("it is damaged"),
        Err(_) => bail!("it is damaged: the decoder gave up on it"),
    }
}

/// What is known of a file. A device or a pipe may have no end, and opening one may wait for somebody to write to it.
///
/// # Errors
/// When it cannot be read, or is no regular file.
pub(super) fn regular(path: &Path) -> Result<Metadata> {
    let meta = std::fs::metadata(path)?;
    ensure!(meta.is_file(), "it is no regular file; copy it to one first");
    Ok(meta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba};

    fn saved(name: &str, image: impl Into<DynamicImage>) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        image.into().save(&path).unwrap();
        (dir, path)
    }

    fn values(image: impl Into<DynamicImage>) -> (usize, Vec<u8>) {
        let (_dir, path) = saved("x.png", image);
        let file = ImageFile::open(&path).unwrap();
        let decoded = file.decode().unwrap();
        (file.channels, decoded.values)
    }

    #[test]
    fn alpha_is_dropped_and_sixteen_bits_become_eight() {
        assert_eq!(values(GrayImage::from_raw(2, 1, vec![3, 250]).unwrap()), (1, vec![3, 250]));
        let rgba = ImageBuffer::from_pixel(1, 1, Rgba([9u8, 8, 7, 0]));
        assert_eq!(values(rgba), (3, vec![9, 8, 7]));
        assert_eq!(values(ImageBuffer::from_pixel(1, 1, LumaA([77u8, 1]))), (1, vec![77]));
        assert_eq!(values(ImageBuffer::from_pixel(1, 1, Luma([0xffffu16]))), (1, vec![255]));
        assert_eq!(values(ImageBuffer::from_pixel(1, 1, Rgb([257u16 * 12, 0, 65535]))), (3, vec![12, 0, 255]));
    }

    #[test]
    fn jpeg_is_told_by_its_content() {
        let (dir, path) = saved("x.jpg", RgbImage::from_pixel(9, 7, Rgb([200, 100, 50])));
        let renamed = dir.path().join("x.png");
        std::fs::rename(&path, &renamed).unwrap();
        let file = ImageFile::open(&renamed).unwrap();
        assert_eq!((file.size, file.channels), (Size { width: 9, height: 7 }, 3));
        let decoded = file.decode().unwrap();
        assert!(decoded.values.chunks(3).all(|p| p[0].abs_diff(200) < 4 && p[2].abs_diff(50) < 4));
    }

    #[test]
    fn damaged_images_are_refused_by_name() {
        let (dir, path) = saved("x.png", GrayImage::from_fn(40, 40, |x, y| Luma([(x * y) as u8])));
        let whole = std::fs::read(&path).unwrap();
        let message = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            format!("{:#}", ImageFile::open(&path).and_then(|f| f.decode().map(|_| ())).unwrap_err())
        };
        for (bytes, told) in [
            (&whole[..0], "the file is empty"),
            (&whole[..20], "it is damaged"),
            (&whole[..whole.len() / 2], "it is damaged"),
            (b"GIF89a____________", "it is a GIF"),
            (b"no image at all___", "neither a PNG nor a JPEG"),
        ] {
            let message = message(bytes);
            assert!(message.contains("x.png") && message.contains(told), "{message}");
        }
        std::fs::write(&path, &whole).unwrap();
        let file = ImageFile::open(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
        assert!(format!("{:#}", file.decode().err().unwrap()).contains("has changed"));
        assert!(ImageFile::open(dir.path()).unwrap_err().chain().any(|c| c.to_string().contains("no regular file")));
    }

    #[test]
    fn absurd_sizes_are_refused_before_anything_is_decoded() {
        let (_dir, path) = saved("x.png", GrayImage::new(1, 1));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        // The checksum of the header chunk, so that only the size is wrong.
        let crc = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        std::fs::write(&path, bytes).unwrap();
        let message = format!("{:#}", ImageFile::open(&path).unwrap_err());
        assert!(message.contains("65536 × 65536 pixels"), "{message}");
    }

    /// The checksum of PNG chunks (ISO 3309), bit by bit.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, &b| {
            (0..8).fold(crc ^ u32::from(b), |c, _| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 })
        })
    }
}
