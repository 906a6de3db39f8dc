//! Folders of images.
//!
//! A flat folder is its images in sorted order; in a folder of folders each folder is a class, with whatever is in it
//! and below. Names sort by their bytes, `10` before `9`, as Python's `sorted` and so torchvision's `ImageFolder` has
//! it: the numbers of classes are those that a network was trained with. What is hidden, or is no image by its name, is
//! passed over.

use anyhow::{Context, Result, ensure};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Extensions of images that are read.
const IMAGES: [&str; 4] = ["png", "jpg", "jpeg", "jpe"];

/// Extensions of images that are not read: to pass them over would be to lose samples.
const OTHERS: [&str; 10] = ["bmp", "gif", "webp", "tif", "tiff", "ppm", "pgm", "avif", "heic", "jp2"];

/// Folders in folders that are followed.
const DEPTH: usize = 8;

/// The images of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Names within the folder, with `/`, and paths.
    pub(super) images: Vec<(String, PathBuf)>,
    /// Number of each image's class, and the names of the classes; none in a flat folder.
    pub(super) classes: Option<(Vec<i64>, Vec<String>)>,
}

/// Whether a name is that of an image that is read.
pub(super) fn is_image(path: &Path) -> bool {
    has_extension(path, &IMAGES)
}

/// Lists the images of a folder.
///
/// # Errors
/// When it cannot be read, has no images, has images of other formats, has images beside folders with images, or a class
/// has none.
pub(super) fn list(folder: &Path) -> Result<Found> {
    let (files, folders) = entries(folder)?;
    let images = images(folder, &files)?;
    let mut classes: Vec<(String, Vec<(String, PathBuf)>)> = Vec::new();
    for path in folders {
        let name = name_of(&path);
        classes.push((name, below(folder, &path, 1)?));
    }
    if !images.is_empty() {
        let class = classes.iter().find(|(_, images)| !images.is_empty());
        ensure!(
            class.is_none(),
            "it holds images and a folder of images ({}): put all images into folders, one for each class, or all into \
             one folder",
            class.map_or("", |(name, _)| name)
        );
        return Ok(Found { images, classes: None });
    }
    ensure!(
        classes.iter().any(|(_, images)| !images.is_empty()),
        "it holds no images, nor do the folders in it: images are files named .png, .jpg or .jpeg"
    );
    if let Some((empty, _)) = classes.iter().find(|(_, images)| images.is_empty()) {
        // Left out silently, it would give other numbers to the classes after it.
        anyhow::bail!("each folder is a class, but {empty} holds no images: remove it, or fill it");
    }
    let (mut images, mut labels, mut names) = (vec![], vec![], vec![]);
    for (label, (name, of_class)) in classes.into_iter().enumerate() {
        labels.extend(std::iter::repeat_n(label as i64, of_class.len()));
        images.extend(of_class);
        names.push(name);
    }
    Ok(Found { images, classes: Some((labels, names)) })
}

/// All images of a folder and the folders in it, sorted.
fn below(root: &Path, folder: &Path, depth: usize) -> Result<Vec<(String, PathBuf)>> {
    ensure!(
        depth <= DEPTH,
        "{} lies more than {DEPTH} folders deep, or is a link that leads in a circle",
        folder.display()
    );
    let (files, folders) = entries(folder)?;
    let mut found = images(root, &files)?;
    for path in folders {
        found.extend(below(root, &path, depth + 1)?);
    }
    found.sort_by(|a, b| a.1.as_os_str().cmp(b.1.as_os_str()));
    Ok(found)
}

/// Files and folders in a folder, each sorted; what is hidden is left out.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let unreadable = || format!("cannot read the folder {}", folder.display());
    let mut paths = vec![];
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if !name_of(&path).starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    Ok(paths.into_iter().partition(|path| !path.is_dir()))
}

fn images(root: &Path, files: &[PathBuf]) -> Result<Vec<(String, PathBuf)>> {
    if let Some(other) = files.iter().find(|path| has_extension(path, &OTHERS)) {
        anyhow::bail!("{} is an image, but images are read as PNG and JPEG: convert it", other.display());
    }
    let within = |path: &Path| {
        let parts = path.strip_prefix(root).unwrap_or(path).iter();
        parts.map(OsStr::to_string_lossy).collect::<Vec<_>>().join("/")
    };
    Ok(files.iter().filter(|path| is_image(path)).map(|path| (within(path), path.clone())).collect())
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|found| extensions.iter().any(|e| found.eq_ignore_ascii_case(e)))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        }
        dir
    }

    fn names(found: &Found) -> Vec<&str> {
        found.images.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn folders_are_classes_in_sorted_order() {
        let dir = folder(&["9/b.png", "9/a.JPG", "10/deep/c.jpeg", "10/notes.txt", "readme.md", ".git/x.png"]);
        let found = list(dir.path()).unwrap();
        assert_eq!(names(&found), ["10/deep/c.jpeg", "9/a.JPG", "9/b.png"]);
        assert_eq!(found.classes.unwrap(), (vec![0, 1, 1], vec!["10".into(), "9".into()]));
        let flat = folder(&["b.png", "a.png", "10.png", "9.png", "labels.csv", "notes/readme.md"]);
        let found = list(flat.path()).unwrap();
        assert_eq!((names(&found), found.classes.is_none()), (vec!["10.png", "9.png", "a.png", "b.png"], true));
    }

    #[test]
    fn faults_name_what_is_there() {
        let message = |files: &[&str]| format!("{:#}", list(folder(files).path()).unwrap_err());
        assert!(message(&["a.txt"]).contains("no images"));
        assert!(message(&[]).contains("no images"));
        assert!(message(&["a.png", "cats/b.png"]).contains("folder of images (cats)"));
        assert!(message(&["cats/a.png", "dogs/readme"]).contains("dogs holds no images"));
        assert!(message(&["cats/a.png", "cats/b.webp"]).contains("b.webp is an image, but"));
        assert!(message(&["a.png", "b.TIFF"]).contains("b.TIFF is an image, but"));
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let dir = folder(&["cats/a.png"]);
        std::os::unix::fs::symlink(dir.path().join("cats"), dir.path().join("cats/again")).unwrap();
        let e = format!("{:#}", list(dir.path()).unwrap_err());
        assert!(e.contains("leads in a circle"), "{e}");
    }
}
