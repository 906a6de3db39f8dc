//! One picture, two files: SVG for the page, PNG for wherever an SVG will not do. Both appear whole or not at all.

use super::picture::Picture;
use super::png::{encode, rasterise};
use super::svg::to_svg;
use crate::run::write_atomic;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Writes `<name>.svg` and `<name>.png` into the folder and returns their paths.
///
/// Both are made in memory before the first is written, so that a failed drawing leaves the old pair as it was.
pub(crate) fn save(
    picture: &Picture,
    title: &str,
    name: &str,
    png_scale: u32,
    folder: &Path,
) -> Result<(PathBuf, PathBuf)> {
    let drawn = || -> Result<_> { Ok((to_svg(picture, title), encode(&rasterise(picture, png_scale)?, folder)?)) };
    let (svg, png) = drawn().with_context(|| format!("cannot draw the figure {name}"))?;
    let (svg_path, png_path) = (folder.join(format!("{name}.svg")), folder.join(format!("{name}.png")));
    write_atomic(&svg_path, svg.as_bytes())?;
    write_atomic(&png_path, &png)?;
    Ok((svg_path, png_path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::picture::Label;
    use crate::figure::style::INK;
    use std::fs;

    #[test]
    fn both_files_appear_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut picture = Picture::new(40.0, 20.0);
        picture.label(Label::new((2.0, 15.0), "a", 12.0, INK));
        let (svg, png) = save(&picture, "A title", "figure", 2, folder.path()).unwrap();
        assert!(fs::read_to_string(svg).unwrap().starts_with("<svg "));
        assert!(fs::read(png).unwrap().starts_with(b"\x89PNG"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = save(&Picture::new(4.0, 4.0), "t", "plane", 1, Path::new("no/such/folder")).unwrap_err();
        assert!(format!("{error:#}").contains("plane") && format!("{error:#}").contains("no/such/folder"), "{error:#}");
    }
}
