//! Charts as SVG, drawn by `plotters`.

use plotters::coord::CoordTranslate;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use steno_coordinator::quantities::grouped;

/// Width of a chart, in the units of its own drawing.
pub(super) const WIDTH: u32 = 960;
pub(super) const TEXT: (&str, i32) = ("system-ui,sans-serif", 14);
const GREY: RGBColor = RGBColor(216, 221, 227);
const INK: RGBColor = RGBColor(27, 31, 36);
const IDLE: RGBColor = RGBColor(241, 243, 245);
/// Apart for those who do not tell red from green; dark enough in grey.
const COLOURS: [RGBColor; 5] = [
    RGBColor(130, 80, 160),
    RGBColor(214, 116, 28),
    RGBColor(110, 118, 129),
    RGBColor(40, 140, 110),
    RGBColor(28, 98, 190),
];
/// Of what was in vain, and of starting.
const RED: RGBColor = RGBColor(201, 42, 42);
const STARTING: RGBColor = RGBColor(173, 200, 240);

/// What a node did for a while, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Which node, from 0.
    pub node: usize,
    /// When it began.
    pub from: f64,
    /// When it ended.
    pub until: f64,
    /// What it was.
    pub kind: BarKind,
}

/// How a bar is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarKind {
    /// Work that was finished.
    Work,
    /// A pod that starts.
    Start,
    /// Work that was in vain.
    Vain,
}

/// A line in a chart.
#[derive(Debug, Clone)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
    /// Which of the colours, so that one thing has the same colour in all charts.
    pub colour: usize,
}

/// What each node did when: a row for a node, empty where it was idle, from 0 to `until` seconds.
#[must_use]
pub fn gantt(nodes: usize, bars: &[Bar], until: f64) -> String {
    let row = (480 / nodes.max(1) as u32).clamp(3, 16);
    let height = row * nodes as u32 + 40;
    drawn(height, |area| {
        let unit = Unit::of(until);
        let mut chart = ChartBuilder::on(area)
            .margin_left(4)
            .margin_right(16)
            .margin_top(4)
            .x_label_area_size(36)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..until / unit.seconds, 0.0..nodes as f64)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(GREY)
            .label_style(TEXT.into_font().color(&INK))
            .axis_desc_style(TEXT.into_font().color(&INK))
            .x_labels(8)
            .x_label_formatter(&|time| number(*time))
            .x_desc(unit.name)
            .y_labels(2)
            .y_label_formatter(&|_| String::new())
            .y_desc("nodes")
            .draw()?;
        let inset = if row > 6 { 0.1 } else { 0.0 };
        let rectangle = |node: usize, from: f64, until: f64, colour: RGBColor| {
            let y = nodes as f64 - node as f64;
            let corners = [(from / unit.seconds, y - inset), (until / unit.seconds, y - 1.0 + inset)];
            Rectangle::new(corners, colour.filled())
        };
        chart.draw_series((0..nodes).map(|node| rectangle(node, 0.0, until, IDLE)))?;
        // What is narrower than a pixel is one with its neighbour.
        let pixel = until / f64::from(WIDTH);
        chart.draw_series(merged(bars, pixel).into_iter().map(|bar| {
            let colour = match bar.kind {
                BarKind::Work => COLOURS[4],
                BarKind::Start => STARTING,
                BarKind::Vain => RED,
            };
            rectangle(bar.node, bar.from, bar.until, colour)
        }))?;
        Ok(())
    })
}

/// Bars of one kind and node that follow on each other closer than `pixel` become one, unless one of them is long enough to be seen.
fn merged(bars: &[Bar], pixel: f64) -> Vec<Bar> {
    let mut sorted = bars.to_vec();
    sorted.sort_by(|a, b| a.node.cmp(&b.node).then(a.from.total_cmp(&b.from)));
    let mut out: Vec<Bar> = Vec::new();
    let (gap, is_seen) = (pixel * 0.6, |bar: &Bar| bar.until - bar.from > 12.0 * pixel);
    // Whether the one before could be seen by itself.
    let mut last_is_seen = false;
    for bar in sorted {
        let was_seen = std::mem::replace(&mut last_is_seen, is_seen(&bar));
        match out.last_mut() {
            Some(last) if last.node == bar.node && last.kind == bar.kind && bar.from - last.until < gap => {
                if was_seen || is_seen(&bar) {
                    // A hair of the ground between two that can be told apart.
                    out.push(Bar { from: bar.from + gap, ..bar });
                } else {
                    last.until = bar.until;
                }
            }
            _ => out.push(bar),
        }
    }
    out
}

/// Lines over time in seconds.
#[must_use]
pub fn lines(series: &[Series], y_name: &str) -> String {
    let largest = |of: &dyn Fn(&(f64, f64)) -> f64| {
        series.iter().flat_map(|series| &series.points).map(of).fold(0.0, f64::max)
    };
    let (until, top) = (largest(&|point| point.0), largest(&|point| point.1));
    drawn(300, |area| {
        let unit = Unit::of(until);
        let mut chart = with_axes(area)
            .build_cartesian_2d(0.0..until.max(1e-9) / unit.seconds, 0.0..top.max(1e-9) * 1.02)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GREY)
            .axis_style(GREY)
            .label_style(TEXT.into_font().color(&INK))
            .x_labels(8)
            .x_label_formatter(&|time| number(*time))
            .y_labels(5)
            .y_label_formatter(&|count| number(*count))
            .x_desc(unit.name)
            .y_desc(y_name)
            .draw()?;
        for one in series {
            let points = thinned(&one.points).into_iter().map(|(x, y)| (x / unit.seconds, y));
            draw_line(&mut chart, one, points)?;
        }
        legend(&mut chart, SeriesLabelPosition::UpperRight)
    })
}

/// How long calls took, each line from the shortest to the longest: points are the share that took longer, 0 to 1, and milliseconds.
/// The tail is spread out, as HDR histograms are drawn: each mark divides what is left by ten.
#[must_use]
pub fn tails(series: &[Series]) -> String {
    let nines = |longer: f64| -longer.log10();
    let points = |series: &Series| -> Vec<(f64, f64)> {
        // The longest of all would lie infinitely far: no further than one call of twice as many.
        let least =
            series.points.iter().map(|point| point.0).filter(|longer| *longer > 0.0).fold(1.0, f64::min)
                / 2.0;
        series.points.iter().map(|(longer, ms)| (nines(longer.max(least)), *ms)).collect()
    };
    let drawn_points: Vec<Vec<(f64, f64)>> = series.iter().map(points).collect();
    let all = || drawn_points.iter().flatten();
    let right = all().map(|point| point.0).fold(1.0, f64::max);
    let top = all().map(|point| point.1).fold(0.001, f64::max) * 1.2;
    let bottom = all().map(|point| point.1).fold(top, f64::min) * 0.8;
    drawn(300, |area| {
        let mut chart = with_axes(area).build_cartesian_2d(0.0..right, (bottom..top).log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GREY)
            .axis_style(GREY)
            .label_style(TEXT.into_font().color(&INK))
            .x_labels(right.ceil() as usize)
            .x_label_formatter(&|nines| percentile(*nines))
            .y_label_formatter(&|ms| number(*ms))
            .x_desc("of the calls took at most")
            .y_desc("milliseconds")
            .draw()?;
        for (one, points) in series.iter().zip(&drawn_points) {
            draw_line(&mut chart, one, points.iter().copied())?;
        }
        legend(&mut chart, SeriesLabelPosition::UpperLeft)
    })
}

/// 0%, 90%, 99%, 99.9% and so on.
fn percentile(nines: f64) -> String {
    let decimals = (nines.round() - 2.0).max(0.0) as usize;
    format!("{:.decimals$}%", (1.0 - 10_f64.powf(-nines)) * 100.0)
}

/// As many points as can be seen, the first and the last among them.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(WIDTH as usize).max(1);
    let mut out: Vec<(f64, f64)> = points.iter().copied().step_by(step).collect();
    if let (Some(last), true) = (points.last(), out.last() != points.last()) {
        out.push(*last);
    }
    out
}

/// How many recordings are how long: the classes double.
#[must_use]
pub fn histogram(seconds: &[f64]) -> String {
    /// Upper ends of the classes in seconds, and their names.
    const CLASSES: [(f64, &str); 12] = [
        (15.0, "15 s"),
        (30.0, "30 s"),
        (60.0, "1 min"),
        (120.0, "2 min"),
        (300.0, "5 min"),
        (600.0, "10 min"),
        (1_200.0, "20 min"),
        (2_400.0, "40 min"),
        (4_800.0, "80 min"),
        (9_600.0, "2.7 h"),
        (21_600.0, "6 h"),
        (f64::INFINITY, "more"),
    ];
    let mut counts = [0_u32; CLASSES.len()];
    let mut audio = [0.0_f64; CLASSES.len()];
    for &length in seconds {
        let class = CLASSES.iter().position(|(end, _)| length <= *end).unwrap_or(CLASSES.len() - 1);
        counts[class] += 1;
        audio[class] += length;
    }
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole * 100.0 } else { 0.0 };
    let total: f64 = seconds.iter().sum();
    let shares: Vec<(f64, f64)> = counts
        .iter()
        .zip(audio)
        .map(|(&count, audio)| (share(f64::from(count), seconds.len() as f64), share(audio, total)))
        .collect();
    let top = shares.iter().map(|(a, b)| a.max(*b)).fold(1.0, f64::max) * 1.1;
    drawn(260, |area| {
        let mut chart = with_axes(area).build_cartesian_2d(0.0..CLASSES.len() as f64, 0.0..top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GREY)
            .axis_style(GREY)
            .label_style(TEXT.into_font().color(&INK))
            .y_labels(5)
            .y_label_formatter(&|share| format!("{share:.0}%"))
            .x_labels(0)
            .draw()?;
        let kinds: [(&str, RGBColor, f64); 2] =
            [("of the recordings", COLOURS[2], 0.12), ("of the audio", COLOURS[4], 0.5)];
        for (kind, (name, colour, left)) in kinds.into_iter().enumerate() {
            let bars = shares.iter().enumerate().map(|(class, shares)| {
                let height = if kind == 0 { shares.0 } else { shares.1 };
                let x = class as f64 + left;
                Rectangle::new([(x, 0.0), (x + 0.36, height)], colour.filled())
            });
            chart.draw_series(bars)?.label(name).legend(key(colour));
        }
        let below = TEXT.into_font().color(&INK).pos(Pos::new(HPos::Center, VPos::Top));
        chart.draw_series(CLASSES.iter().enumerate().map(|(class, (end, name))| {
            let name = if end.is_finite() { format!("≤ {name}") } else { (*name).to_owned() };
            EmptyElement::at((class as f64 + 0.5, 0.0)) + Text::new(name, (0, 6), below.clone())
        }))?;
        legend(&mut chart, SeriesLabelPosition::UpperRight)
    })
}

/// A chart with room for the names and marks of both axes.
fn with_axes<'a, 'b>(area: &'b Area<'a>) -> ChartBuilder<'b, 'a, SVGBackend<'a>> {
    let mut builder = ChartBuilder::on(area);
    builder.margin_left(4).margin_right(16).margin_top(10).x_label_area_size(36).y_label_area_size(72);
    builder
}

/// Draws a series as a line through these points.
fn draw_line<'a>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, impl CoordTranslate<From = (f64, f64)>>,
    series: &Series,
    points: impl IntoIterator<Item = (f64, f64)>,
) -> Drawing<'a> {
    let colour = COLOURS[series.colour % COLOURS.len()];
    let line = LineSeries::new(points, colour.stroke_width(2));
    chart.draw_series(line)?.label(&series.name).legend(key(colour));
    Ok(())
}

/// What stands for a series in the legend.
fn key(colour: RGBColor) -> impl Fn((i32, i32)) -> Rectangle<(i32, i32)> {
    move |(x, y)| Rectangle::new([(x, y - 4), (x + 14, y + 4)], colour.filled())
}

/// Draws the names of the series.
fn legend<'a>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, impl CoordTranslate>,
    at: SeriesLabelPosition,
) -> Drawing<'a> {
    chart
        .configure_series_labels()
        .position(at)
        .background_style(WHITE.mix(0.9))
        .border_style(GREY)
        .label_font(TEXT.into_font().color(&INK))
        .draw()
}

/// Without decimals that say nothing.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { grouped(value.max(0.0) as u64) } else { format!("{value:.1}") }
}

/// In what a time is told.
struct Unit {
    seconds: f64,
    name: &'static str,
}

impl Unit {
    fn of(longest_seconds: f64) -> Self {
        match longest_seconds {
            short if short < 300.0 => Self { seconds: 1.0, name: "seconds" },
            middling if middling < 4.0 * 3600.0 => Self { seconds: 60.0, name: "minutes" },
            long if long < 4.0 * 86_400.0 => Self { seconds: 3600.0, name: "hours" },
            _ => Self { seconds: 86_400.0, name: "days" },
        }
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawing<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// An `svg` element of what is drawn; where that fails, of nothing: writing into memory does not.
fn drawn(height: u32, draw: impl for<'a> Fn(&Area<'a>) -> Drawing<'a>) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        let _ = draw(&area).and_then(|()| area.present());
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_bars_become_one_and_long_ones_stay_apart() {
        let bar = |from, until| Bar { node: 0, from, until, kind: BarKind::Work };
        let short: Vec<Bar> = (0..1_000).map(|index| bar(f64::from(index), f64::from(index + 1))).collect();
        assert_eq!(merged(&short, 1.0), [bar(0.0, 1_000.0)]);
        assert_eq!(merged(&[bar(0.0, 100.0), bar(100.0, 200.0)], 1.0).len(), 2);
        assert_eq!(merged(&[bar(0.0, 1.0), bar(50.0, 51.0)], 1.0).len(), 2, "idle between them");
        assert_eq!(merged(&[bar(0.0, 1.0), Bar { node: 1, ..bar(1.0, 2.0) }], 1.0).len(), 2);
    }

    #[test]
    fn the_tail_of_calls_is_told_in_nines() {
        assert_eq!([0.0, 1.0, 2.0, 3.0].map(percentile), ["0%", "90%", "99%", "99.9%"]);
    }

    #[test]
    fn charts_are_drawn_of_much_and_of_nothing() {
        for svg in [
            gantt(0, &[], 0.0),
            gantt(2, &[Bar { node: 1, from: 0.0, until: 5.0, kind: BarKind::Vain }], 9.0),
            lines(&[], "left"),
            lines(
                &[Series { name: "<steno>".into(), points: vec![(0.0, 9.0), (5.0, 0.0)], colour: 4 }],
                "left",
            ),
            tails(&[]),
            tails(&[Series {
                name: "<steno>".into(),
                points: vec![(0.5, 0.2), (0.001, 9.0), (0.0, 90.0)],
                colour: 4,
            }]),
            histogram(&[]),
            histogram(&[1.0, 90.0, 1e9]),
        ] {
            assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("<steno>"), "{svg}");
        }
    }
}
