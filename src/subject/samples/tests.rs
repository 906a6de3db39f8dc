use super::*;
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
use ndarray::{Array, ArrayD, Axis};
use ndarray_npy::WriteNpyExt;
use std::io::Write;
use std::path::Path;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> SampleOptions {
        std::fs::create_dir_all(Path::new(&self.path(name)).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), bytes).unwrap();
        self.options(name)
    }

    fn image(&self, name: &str, image: impl Into<DynamicImage>) {
        std::fs::create_dir_all(Path::new(&self.path(name)).parent().unwrap()).unwrap();
        image.into().save(self.path(name)).unwrap();
    }

    fn options(&self, name: &str) -> SampleOptions {
        SampleOptions { inputs: Some(self.path(name)), ..SampleOptions::default() }
    }
}

fn numbers(samples: &Samples, rows: &[usize]) -> ArrayD<f32> {
    let Batch::Real(values) = samples.batch(rows).unwrap() else { panic!("texts") };
    values
}

fn message(options: &SampleOptions) -> String {
    format!("{:#}", options.open().unwrap_err())
}

fn npy<D: ndarray::Dimension>(values: &Array<impl ndarray_npy::WritableElement, D>) -> Vec<u8> {
    let mut bytes = vec![];
    values.write_npy(&mut bytes).unwrap();
    bytes
}

/// Any rows in any order are the same samples as all of them.
fn check_permuted(samples: &Samples) {
    let all = numbers(samples, &(0..samples.len()).collect::<Vec<_>>());
    let rows = [samples.len() - 1, 0, samples.len() / 2, 0];
    assert_eq!(numbers(samples, &rows), all.select(Axis(0), &rows));
    let expected: Vec<usize> = std::iter::once(0).chain(samples.kind().shape().unwrap()).collect();
    assert_eq!(numbers(samples, &[]).shape(), expected);
    let e = format!("{:#}", samples.batch(&[samples.len()]).unwrap_err());
    assert!(e.contains(&format!("row {0} was asked for, but there are {0} samples", samples.len())), "{e}");
}

#[test]
fn built_in_sets_are_what_they_are_elsewhere() {
    for builtin in narrows_datasets::BUILTIN {
        let samples = SampleOptions { inputs: Some(builtin.name.into()), ..SampleOptions::default() }.open().unwrap();
        let data = (builtin.make)().unwrap();
        let rows: Vec<usize> = (0..data.len()).collect();
        assert_eq!(numbers(&samples, &rows), data.inputs.into_dyn());
        assert_eq!(samples.labels().unwrap()[..9], data.labels[..9].iter().map(|&l| l.into()).collect::<Vec<i64>>());
        assert_eq!(samples.attribution(), data.attribution);
        check_permuted(&samples);
    }
}

#[test]
fn idx_images_keep_axes_and_stay_bytes() {
    let folder = Folder::new();
    let header = [0, 0, 8, 3, 0, 0, 0, 50, 0, 0, 0, 4, 0, 0, 0, 3];
    let pixels: Vec<u8> = (0..600).map(|i| (i % 251) as u8).collect();
    let mut options = folder.put("images", &[&header[..], &pixels].concat());
    options.labels = folder.put("labels", &[&[0, 0, 8, 1, 0, 0, 0, 50][..], &[7; 50]].concat()).inputs;
    let samples = options.open().unwrap();
    assert_eq!((samples.len(), samples.kind()), (50, SampleKind::Array { shape: vec![4, 3] }));
    assert_eq!(numbers(&samples, &[1])[[0, 0, 1]], (13.0 / 255.0) as f32);
    // Bytes and labels, and no floats.
    assert_eq!(samples.resident_bytes(), 600 + 50 * 8);
    assert_eq!((samples.files().len(), samples.labels().unwrap()[0]), (2, 7));
    check_permuted(&samples);
    options.images.scale = Some(1.0);
    assert_eq!(numbers(&options.open().unwrap(), &[1])[[0, 0, 1]], 13.0);
    // As `narrows plane` reads the same file.
    let flat = crate::subject::data::DataOptions {
        inputs: options.inputs.clone(),
        labels: folder.put("l.csv", (0..50).map(|i| format!("{i}\n")).collect::<String>().as_bytes()).inputs,
        ..Default::default()
    };
    options.images.scale = None;
    let rows: Vec<usize> = (0..50).collect();
    let expected = flat.load().unwrap().data.inputs;
    assert_eq!(numbers(&options.open().unwrap(), &rows).into_shape_with_order((50, 12)).unwrap(), expected);
}

#[test]
fn arrays_of_numpy_keep_axes_and_the_smallest_type() {
    let folder = Folder::new();
    let floats = Array::from_shape_fn((4, 3, 2, 2), |(n, c, y, x)| (1000 * n + 100 * c + 10 * y + x) as f64);
    let samples = folder.put("x.npy", &npy(&floats)).open().unwrap();
    assert_eq!(samples.kind(), SampleKind::Array { shape: vec![3, 2, 2] });
    assert_eq!((numbers(&samples, &[2])[[0, 1, 1, 0]], samples.resident_bytes()), (2110.0, 4 * 12 * 4));
    check_permuted(&samples);
    let table = folder.put("t.npy", &npy(&Array::from_shape_fn((4, 3), |(i, j)| (3 * i + j) as u8))).open().unwrap();
    // Bytes of a table may be counts.
    assert_eq!((numbers(&table, &[1])[[0, 2]], table.resident_bytes()), (5.0, 12));
    let mut zip = ndarray_npy::NpzWriter::new(std::io::Cursor::new(Vec::new()));
    zip.add_array("x", &Array::from_elem((2, 2, 2), 255u8)).unwrap();
    zip.add_array("y", &ndarray::array![3i64, 1 << 40]).unwrap();
    let samples = folder.put("x.npz", &zip.finish().unwrap().into_inner()).open().unwrap();
    assert_eq!((numbers(&samples, &[1])[[0, 1, 1]], samples.labels().unwrap()), (1.0, &[3, 1 << 40][..]));
}

#[test]
fn images_in_an_array_are_prepared() {
    let folder = Folder::new();
    let options = |name: &str, bytes: &[u8]| {
        let mut options = folder.put(name, bytes);
        options.images =
            ImageOptions { layout: Some(Layout::Nchw), mean: vec![1.0], std: vec![2.0], ..ImageOptions::default() };
        options
    };
    let samples = options("x.npy", &npy(&Array::from_elem((2, 4, 5), 255u8))).open().unwrap();
    assert_eq!(samples.kind(), SampleKind::Images { channels: 1, height: 4, width: 5, layout: Layout::Nchw });
    assert_eq!(numbers(&samples, &[0, 1]), ArrayD::from_elem(vec![2, 1, 4, 5], 0.0f32));
    let mut floats = options("f.npy", &npy(&Array::from_elem((2, 4, 5, 3), 3.0f32)));
    floats.images.scale = Some(3.0);
    assert_eq!(numbers(&floats.open().unwrap(), &[0]), ArrayD::from_elem(vec![1, 3, 4, 5], 4.0f32));
    assert!(message(&options("t.npy", &npy(&Array::from_elem((2, 64), 3.0f32)))).contains("[64]"));
}

#[test]
fn tables_and_their_labels() {
    let folder = Folder::new();
    let mut options = folder.put("a.csv", b"x,y,kind\n1,2,cat\n3,4,ant\n");
    assert!(message(&options).contains("column 3 (kind): \"cat\" is not a number"), "{}", message(&options));
    options.label_column = Some("kind".into());
    let samples = options.open().unwrap();
    assert_eq!(numbers(&samples, &[1, 0]), ndarray::array![[3.0, 4.0], [1.0, 2.0]].into_dyn());
    assert_eq!(
        (samples.labels().unwrap(), samples.class_names().unwrap()),
        (&[1, 0][..], &["ant".into(), "cat".into()][..])
    );
    // The column is one of the file of labels, among others of text.
    let mut apart = folder.put("b.csv", b"1,2\n3,4\n");
    apart.labels = folder.put("labels.csv", b"who,kind\nanna,cat\nbert,ant\n").inputs;
    apart.label_column = Some("kind".into());
    assert_eq!(apart.open().unwrap().labels(), samples.labels());
    apart.labels = folder.put("labels.csv", b"kind\ncat\n").inputs;
    assert!(message(&apart).contains("labels.csv: 2 inputs but 1 labels"), "{}", message(&apart));
    assert_eq!(folder.put("b.csv", b"1,2\n3,4\n").open().unwrap().labels(), None);
}

#[test]
fn texts_from_a_column_or_line_by_line() {
    let folder = Folder::new();
    let mut options = folder.put("t.csv", b"id,text,label\n1,good film,1\n2,\"bad, very bad\",0\n");
    options.label_column = Some("label".into());
    let samples = options.open().unwrap();
    assert_eq!((samples.kind(), samples.labels().unwrap()), (SampleKind::Texts, &[1, 0][..]));
    assert_eq!(samples.batch(&[1, 0]).unwrap(), Batch::Text(vec!["bad, very bad".into(), "good film".into()]));
    assert!(samples.resident_bytes() >= 22);
    options.text_column = Some("2".into());
    assert_eq!(options.open().unwrap().batch(&[0]).unwrap(), samples.batch(&[0]).unwrap());
    options.images.resize = Some(Resize::Shorter(3));
    assert!(message(&options).contains("the samples are texts, and --resize is for numbers"));

    let lines = folder.put("t.txt", "one, two\n\u{e4}\n".as_bytes()).open().unwrap();
    assert_eq!(lines.batch(&[1, 0]).unwrap(), Batch::Text(vec!["\u{e4}".into(), "one, two".into()]));
    let mut packed = gzip(b"a b\nc d\n");
    assert_eq!(folder.put("t.txt.gz", &packed).open().unwrap().len(), 2);
    packed.truncate(12);
    assert!(message(&folder.put("t.txt.gz", &packed)).contains("gzip"));
    assert_eq!(folder.put("n.txt", b"1,2\n3,4\n").open().unwrap().kind(), SampleKind::Array { shape: vec![2] });
    assert!(message(&folder.put("t.txt", b"a\n\nb\n")).contains("line 2 is empty"));
    let labelled = SampleOptions { label_column: Some("2".into()), ..folder.put("t.txt", b"a b\nc\n") };
    assert!(message(&labelled).contains("one text a line"), "{}", message(&labelled));
    let array = SampleOptions { text_column: Some("2".into()), ..folder.put("x.npy", &npy(&ndarray::array![[1.0]])) };
    assert!(message(&array).contains("a text column belongs to a CSV"));
}

/// gzip with one stored block, as RFC 1951 and 1952 have it.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = Vec::from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1]);
    encoder.write_all(&(bytes.len() as u16).to_le_bytes()).unwrap();
    encoder.write_all(&(!(bytes.len() as u16)).to_le_bytes()).unwrap();
    encoder.write_all(bytes).unwrap();
    let crc = !bytes.iter().fold(!0u32, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b), |c, _| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 })
    });
    encoder.write_all(&crc.to_le_bytes()).unwrap();
    encoder.write_all(&(bytes.len() as u32).to_le_bytes()).unwrap();
    encoder
}

fn record(labels: &[u8], first: u8) -> Vec<u8> {
    labels.iter().copied().chain((0..3072).map(|i| (i / 1024) as u8 * 50 + first)).collect()
}

#[test]
fn cifar_is_planes_of_red_green_and_blue() {
    let folder = Folder::new();
    folder.put("cifar-10-batches-bin/data_batch_1.bin", &[record(&[3], 0), record(&[9], 5)].concat());
    folder.put("cifar-10-batches-bin/data_batch_2.bin", &record(&[1], 10));
    folder.put("cifar-10-batches-bin/test_batch.bin", &record(&[8], 100));
    let names: String = (0..10).map(|i| format!("class{i}\n")).collect();
    folder.put("cifar-10-batches-bin/batches.meta.txt", format!("{names}\n").as_bytes());
    let samples = folder.options("cifar-10-batches-bin").open().unwrap();
    assert_eq!(samples.kind(), SampleKind::Images { channels: 3, height: 32, width: 32, layout: Layout::Nchw });
    assert_eq!((samples.labels().unwrap(), samples.files().len()), (&[3, 9, 1][..], 3));
    assert_eq!(samples.class_names().unwrap()[9], "class9");
    assert_eq!(samples.resident_bytes(), 3 * 3072 + 3 * 8);
    let batch = numbers(&samples, &[1]);
    assert_eq!([0, 1, 2].map(|c| batch[[0, c, 31, 31]]), [5.0, 55.0, 105.0].map(|v: f64| (v / 255.0) as f32));
    check_permuted(&samples);

    let test = folder.options("cifar-10-batches-bin/test_batch.bin").open().unwrap();
    assert_eq!(test.labels().unwrap(), [8]);
    let pattern = folder.options("cifar-10-batches-bin/data_batch_*.bin").open().unwrap();
    assert_eq!(pattern.labels(), samples.labels());
    let mut last = folder.options("cifar-10-batches-bin");
    last.images = ImageOptions { layout: Some(Layout::Nhwc), channels: Some(Channels::Bgr), ..ImageOptions::default() };
    assert_eq!(
        numbers(&last.open().unwrap(), &[1]).as_slice().unwrap()[..2],
        [105.0, 55.0].map(|v: f64| (v / 255.0) as f32)
    );

    let hundred = folder.put("hundred/train.bin", &record(&[1, 99], 0)).open().unwrap();
    assert_eq!(hundred.labels().unwrap(), [99]);
    folder.put("mixed/data_batch_1.bin", &record(&[1], 0));
    folder.put("mixed/data_batch_2.bin", &record(&[1, 99], 0));
    assert!(message(&folder.options("mixed")).contains("is a batch of CIFAR-10, but"));
    assert!(message(&folder.put("odd.bin", &[0; 3075])).contains("3075 bytes are no CIFAR batch"));
}

/// Six images in two classes, of 6 × 4 pixels, and how their first pixel should come out.
fn classes() -> Folder {
    let folder = Folder::new();
    for i in 0..6u8 {
        let class = if i < 3 { "ant" } else { "bee" };
        folder.image(&format!("photos/{class}/{i}.png"), RgbImage::from_pixel(6, 4, Rgb([40 * i, 10, 255])));
    }
    folder.put("photos/readme.txt", b"not an image");
    folder
}

#[test]
fn a_folder_of_images_is_read_when_its_batch_comes() {
    let folder = classes();
    let samples = folder.options("photos").open().unwrap();
    assert_eq!(samples.kind(), SampleKind::Images { channels: 3, height: 4, width: 6, layout: Layout::Nchw });
    assert_eq!(
        (samples.labels().unwrap(), samples.class_names().unwrap()),
        (&[0, 0, 0, 1, 1, 1][..], &["ant".into(), "bee".into()][..])
    );
    assert_eq!(samples.ids().unwrap()[3], "bee/3.png");
    let batch = numbers(&samples, &[5, 1]);
    assert_eq!(
        (batch[[0, 0, 0, 0]], batch[[1, 0, 3, 5]], batch[[1, 2, 0, 0]]),
        ((200.0 / 255.0) as f32, (40.0 / 255.0) as f32, 1.0)
    );
    check_permuted(&samples);
    assert_eq!(samples.batch(&[2, 3, 4]).unwrap(), samples.batch(&[2, 3, 4]).unwrap());
    // Nothing decoded is kept, and every file's content is in the hash.
    assert!(samples.resident_bytes() < 6 * 1000);
    let hash = |samples: &Samples| samples.files().iter().map(|f| f.sha256.clone()).collect::<Vec<_>>();
    assert_eq!((samples.files().len(), samples.files()[0].path.as_str()), (1, folder.path("photos").as_str()));
    folder.image("photos/bee/5.png", RgbImage::from_pixel(6, 4, Rgb([199, 10, 255])));
    assert_ne!(hash(&folder.options("photos").open().unwrap()), hash(&samples));
    let e = format!("{:#}", samples.batch(&[0, 5]).unwrap_err());
    assert!(e.contains("5.png") && e.contains("has changed"), "{e}");
}

#[test]
fn a_flat_folder_takes_labels_from_a_file() {
    let folder = Folder::new();
    for (name, level) in [("10", 10), ("9", 90), ("a", 200)] {
        folder.image(&format!("flat/{name}.png"), GrayImage::from_pixel(3, 3, Luma([level])));
    }
    let mut options = folder.options("flat");
    let samples = options.open().unwrap();
    assert_eq!((samples.labels(), samples.kind().shape().unwrap()), (None, vec![1, 3, 3]));
    assert_eq!(numbers(&samples, &[0, 1])[[1, 0, 0, 0]], (90.0 / 255.0) as f32);
    options.labels = folder.put("l.csv", b"x\ny\nx\n").inputs;
    assert_eq!(options.open().unwrap().labels().unwrap(), [0, 1, 0]);
    options.labels = folder.put("l.csv", b"0\n1\n").inputs;
    assert!(message(&options).contains("3 inputs but 2 labels"));
    options.label_column = Some("kind".into());
    options.labels = None;
    assert!(message(&options).contains("but this is a folder of images: give --labels FILE"));
    // One file is a set of one; a pattern is a set in sorted order.
    let one = folder.options("flat/9.png").open().unwrap();
    assert_eq!(
        (one.len(), one.ids().unwrap(), one.files()[0].path.as_str()),
        (1, &["9.png".to_string()][..], folder.path("flat/9.png").as_str())
    );
    assert_eq!(folder.options("flat/?.png").open().unwrap().len(), 2);
    // A colour image among grey ones makes all of them colour.
    folder.image("flat/b.png", RgbImage::new(3, 3));
    assert_eq!(folder.options("flat").open().unwrap().kind().shape().unwrap(), [3, 3, 3]);
}

#[test]
fn images_go_through_all_steps_in_order() {
    let folder = Folder::new();
    // 8 × 4 pixels, red grows to the right by 16.
    folder.image("x.png", RgbImage::from_fn(8, 4, |x, _| Rgb([16 * x as u8, 100, 0])));
    let mut options = folder.options("x.png");
    options.images = ImageOptions {
        resize: Some(Resize::Shorter(2)),
        crop: Some(Size { width: 2, height: 2 }),
        mean: vec![0.5, 0.0, 0.0],
        std: vec![0.5, 1.0, 1.0],
        layout: Some(Layout::Nhwc),
        ..ImageOptions::default()
    };
    let samples = options.open().unwrap();
    assert_eq!(samples.kind().shape().unwrap(), [2, 2, 3]);
    let batch = numbers(&samples, &[0]);
    // 4 × 2 after resizing, of which columns 1 and 2 stay. Column 1 lies between pixels 2 and 3, and the weights are
    // symmetric there: 16 × 2.5.
    let expected = [40.0, 72.0].map(|v: f64| ((v / 255.0 - 0.5) / 0.5) as f32);
    assert_eq!([batch[[0, 0, 0, 0]], batch[[0, 1, 1, 0]]], expected);
    assert_eq!((batch[[0, 1, 0, 1]], batch[[0, 1, 0, 2]]), ((100.0 / 255.0) as f32, 0.0));
}

#[test]
fn images_that_do_not_go_together_are_refused_with_a_remedy() {
    let folder = Folder::new();
    folder.image("p/a.png", RgbImage::new(6, 4));
    folder.image("p/b.jpg", RgbImage::new(5, 4));
    let mut options = folder.options("p");
    let e = message(&options);
    assert!(e.contains("a.png is 6 × 4 pixels, but") && e.contains("b.jpg is 5 × 4") && e.contains("--resize"), "{e}");
    options.images.resize = Some(Resize::Shorter(8));
    assert!(message(&options).contains("a.png is 12 × 8 pixels, when it is prepared"), "{}", message(&options));
    options.images.crop = Some(Size { width: 8, height: 8 });
    assert_eq!(options.open().unwrap().kind().shape().unwrap(), [3, 8, 8]);
    options.images.resize = None;
    assert!(message(&options).contains("a.png: --crop is to cut 8 × 8 out"), "{}", message(&options));
    folder.put("p/c.png", b"\x89PNG\r\n\x1a\nnot much of an image");
    assert!(message(&options).contains("c.png: it is damaged"), "{}", message(&options));
}

#[test]
fn of_several_damaged_images_the_first_is_named() {
    let folder = classes();
    for name in ["ant/1.png", "bee/4.png"] {
        let path = folder.path(&format!("photos/{name}"));
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    }
    let samples = folder.options("photos").open().unwrap();
    for _ in 0..5 {
        let e = format!("{:#}", samples.batch(&[0, 1, 2, 3, 4, 5]).unwrap_err());
        assert!(e.contains("1.png: it is damaged"), "{e}");
    }
}

#[test]
fn what_is_not_there_or_of_no_use_is_told() {
    let folder = Folder::new();
    let named = |name: &str| SampleOptions { inputs: Some(name.into()), ..SampleOptions::default() };
    assert!(message(&SampleOptions::default()).contains("--inputs takes digits"));
    assert!(
        message(&named("nothing")).contains("no such file or folder")
            && message(&named("nothing")).contains("twelve-bit")
    );
    assert!(message(&folder.options("*.png")).contains("no file matches"));
    folder.put("a.csv", b"1,2\n");
    folder.put("b.csv", b"1,2\n");
    assert!(message(&folder.options("*.csv")).contains("stands for 2 files"));
    assert!(message(&folder.put("x.png", b"GIF89a_")).contains("x.png: it is a GIF"));
    assert!(message(&folder.put("empty.csv", b"")).contains("the file is empty"));
    std::fs::create_dir(folder.path("empty")).unwrap();
    assert!(message(&folder.options("empty")).contains("it holds no images"));
    let labelled = SampleOptions { labels: Some("x".into()), ..named("digits") };
    assert!(message(&labelled).contains("its own labels"));
    let prepared =
        SampleOptions { images: ImageOptions { mean: vec![1.0], ..ImageOptions::default() }, ..named("digits") };
    assert!(message(&prepared).contains("cannot use the inputs digits: --mean is for images"));
}
