//! Pictures as files: SVG as it is drawn, or PNG made of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::charts::{TEXT, WIDTH};
use super::escaped::escaped;
use super::page::Chart;

/// Pixels of a PNG for each unit of its drawing, for screens of today.
const PIXELS_A_UNIT: f32 = 2.0;
/// What SVG's `sans-serif` is in a PNG, the same on every machine.
const FONT: &str = "DejaVu Sans";

/// Where a picture goes: a file whose ending says what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFile {
    path: PathBuf,
    format: PictureFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PictureFormat {
    Svg,
    Png,
}

impl PictureFile {
    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of the file for a picture of these charts, one below the other.
    ///
    /// # Errors
    /// When it is too large to be painted as PNG.
    pub fn bytes(&self, charts: &[Chart]) -> Result<Vec<u8>, String> {
        let svg = stacked(charts);
        match self.format {
            PictureFormat::Svg => Ok(svg.into_bytes()),
            PictureFormat::Png => png(&svg),
        }
    }
}

impl std::str::FromStr for PictureFile {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let path = PathBuf::from(path);
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let format = match ending.as_deref() {
            Some("svg") => PictureFormat::Svg,
            Some("png") => PictureFormat::Png,
            _ => return Err("the name of a picture must end in .svg or .png".to_owned()),
        };
        Ok(Self { path, format })
    }
}

/// Charts below each other, each with its title: one `svg` element.
fn stacked(charts: &[Chart]) -> String {
    const HEADING: u32 = 26;
    let height_of = |svg: &str| {
        let height = svg.split_once("height=\"").and_then(|(_, rest)| rest.split_once('"'));
        height.and_then(|(height, _)| height.parse::<u32>().ok()).unwrap_or_default()
    };
    let (mut y, mut body) = (0, String::new());
    for Chart { title, svg, .. } in charts {
        let at = y + HEADING - 8;
        body += &format!(
            "<text x=\"8\" y=\"{at}\" font-family=\"{}\" font-size=\"16\" font-weight=\"600\" fill=\"#1b1f24\">{}</text>\n",
            TEXT.0,
            escaped(title)
        );
        y += HEADING;
        body += &svg.trim().replacen("<svg ", &format!("<svg y=\"{y}\" "), 1);
        y += height_of(svg) + 8;
    }
    format!(
        "<svg width=\"{WIDTH}\" height=\"{y}\" viewBox=\"0 0 {WIDTH} {y}\" xmlns=\"http://www.w3.org/2000/svg\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}\n</svg>\n"
    )
}

fn png(svg: &str) -> Result<Vec<u8>, String> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.load_font_data(dejavu::sans::bold().to_vec());
    fonts.set_sans_serif_family(FONT);
    let options = Options { font_family: FONT.to_owned(), fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| format!("it cannot be painted: {error}"))?;
    let size = tree.size().to_int_size().scale_by(PIXELS_A_UNIT);
    let mut pixels = size
        .and_then(|size| Pixmap::new(size.width(), size.height()))
        .ok_or("it is too large for a PNG; write an SVG")?;
    let scale = Transform::from_scale(PIXELS_A_UNIT, PIXELS_A_UNIT);
    resvg::render(&tree, scale, &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| format!("it cannot be written as PNG: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_says_what_a_picture_is() {
        let format = |path: &str| path.parse::<PictureFile>().map(|file| file.format);
        assert_eq!(format("a.svg"), Ok(PictureFormat::Svg));
        assert_eq!(format("here/a.b.PNG"), Ok(PictureFormat::Png));
        for other in ["a", "a.jpg", ".png", "png"] {
            assert!(format(other).is_err(), "{other}");
        }
    }

    #[test]
    fn text_is_painted_whatever_fonts_the_machine_has() {
        let painted = |text: &str| {
            let svg = format!(
                "<svg width=\"200\" height=\"30\" viewBox=\"0 0 200 30\" xmlns=\"http://www.w3.org/2000/svg\">\
                 <text x=\"8\" y=\"18\" font-family=\"system-ui,sans-serif\" font-size=\"16\">{text}</text></svg>"
            );
            let png = png(&svg).unwrap();
            let pixels = Pixmap::decode_png(&png).unwrap();
            assert_eq!((pixels.width(), pixels.height()), (400, 60));
            pixels.pixels().iter().filter(|pixel| pixel.alpha() > 0).count()
        };
        assert!(painted("nodes ÷ ≤") > painted("nodes") && painted("nodes") > 100 && painted("") == 0);
    }
}
