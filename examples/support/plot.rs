//! Plots as SVG: panels one below the other, each with named series.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

const WIDTH: u32 = 760;
const HEIGHT: u32 = 380;
/// Points of a line that a reader can tell apart on a panel this wide; further
/// ones only make the file large.
const POINTS: usize = 300;
const COLORS: [RGBColor; 8] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(44, 160, 44),
    RGBColor(255, 127, 14),
    RGBColor(148, 103, 189),
    RGBColor(23, 160, 170),
    RGBColor(140, 86, 75),
    RGBColor(127, 127, 127),
];

/// How the points of a series belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A straight line from point to point.
    Line,
    /// A value holds until the next point.
    Steps,
    /// A mark at each point.
    Marks,
}

/// A named series of points, in ascending order of x.
#[derive(Debug, Clone)]
pub struct Series {
    pub name: String,
    pub style: Style,
    pub points: Vec<(f64, f64)>,
}

impl Series {
    pub fn new(name: impl Into<String>, style: Style, points: Vec<(f64, f64)>) -> Self {
        Series {
            name: name.into(),
            style,
            points,
        }
    }

    /// The share of the values that are not above x.
    #[allow(dead_code, reason = "not every example shows distributions")]
    pub fn distribution(name: impl Into<String>, values: &[u64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let count = sorted.len() as f64;
        let mut points: Vec<(f64, f64)> = Vec::new();
        for (i, &value) in sorted.iter().enumerate() {
            let share = (i + 1) as f64 / count;
            match points.last_mut() {
                Some(last) if last.0 == value as f64 => last.1 = share,
                Some(_) => points.push((value as f64, share)),
                None => points.extend([(value as f64, 0.0), (value as f64, share)]),
            }
        }
        Series::new(name, Style::Steps, points)
    }
}

/// An axis.
#[derive(Debug, Clone)]
pub struct Axis {
    pub label: String,
    /// Logarithmic; values that are not positive are left out.
    pub log: bool,
}

impl Axis {
    pub fn linear(label: impl Into<String>) -> Self {
        let label = label.into();
        Axis { label, log: false }
    }

    #[allow(dead_code, reason = "not every example has one")]
    pub fn log(label: impl Into<String>) -> Self {
        let label = label.into();
        Axis { label, log: true }
    }

    /// The place of a value on the axis; `None` when it has none.
    fn place(&self, value: f64) -> Option<f64> {
        match self.log {
            true => (value > 0.0).then(|| value.log10()),
            false => value.is_finite().then_some(value),
        }
    }

    /// What is written at a place.
    fn text(&self, place: f64) -> String {
        if self.log {
            return format!("1e{place:.0}");
        }
        let rounded = format!("{place:.3}");
        let short = rounded.trim_end_matches('0').trim_end_matches('.');
        short.to_owned()
    }

    /// From where to where the axis goes, and how many values stand at it. It
    /// begins at zero if the least value is less than `near` of the greatest.
    fn range(&self, places: impl Iterator<Item = f64>, near: f64) -> (f64, f64, usize) {
        let (low, high) = places.fold((f64::MAX, f64::MIN), |(low, high), place| {
            (low.min(place), high.max(place))
        });
        if low > high {
            return (0.0, 1.0, 5);
        }
        if self.log {
            let (low, high) = (low.floor(), high.ceil().max(low.floor() + 1.0));
            return (low, high, (high - low) as usize + 1);
        }
        let low = match low > 0.0 && low < high * near {
            true => 0.0,
            false => low,
        };
        let room = (high - low).max(high.abs() * 0.01).max(1e-9) * 0.03;
        (low, high + room, 10)
    }
}

/// One coordinate system.
#[derive(Debug, Clone)]
pub struct Panel {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

/// Writes panels to an SVG file, one below the other.
pub fn write(file: &Path, panels: &[Panel]) -> Result<(), Box<dyn Error>> {
    let height = HEIGHT * panels.len().max(1) as u32;
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE)?;
        for (area, panel) in root
            .split_evenly((panels.len().max(1), 1))
            .iter()
            .zip(panels)
        {
            draw(area, panel)?;
        }
        root.present()?;
    }
    // For those who cannot see it.
    let titles: Vec<&str> = panels.iter().map(|panel| panel.title.as_str()).collect();
    let title = format!(">\n<title>{}</title>", titles.join("; "));
    let text = text.replacen('>', &title, 1);
    if let Some(dir) = file.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(file, text)?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn draw(area: &Area<'_>, panel: &Panel) -> Result<(), Box<dyn Error>> {
    let place = |&(x, y): &(f64, f64)| Some((panel.x.place(x)?, panel.y.place(y)?));
    let placed: Vec<Vec<(f64, f64)>> = panel
        .series
        .iter()
        .map(|series| series.points.iter().filter_map(place).collect())
        .collect();
    let (left, right, across) = panel
        .x
        .range(placed.iter().flatten().map(|point| point.0), 0.5);
    let (bottom, top, up) = panel
        .y
        .range(placed.iter().flatten().map(|point| point.1), 2.0);
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", 17))
        .margin(10)
        .margin_right(24)
        .x_label_area_size(38)
        .y_label_area_size(62)
        .build_cartesian_2d(left..right, bottom..top)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_desc(&panel.x.label)
        .y_desc(&panel.y.label)
        .x_labels(across)
        .y_labels(up)
        .x_label_formatter(&|place| panel.x.text(*place))
        .y_label_formatter(&|place| panel.y.text(*place))
        .label_style(("sans-serif", 12))
        .draw()?;
    let legend = corner(placed.iter().flatten(), (left, right), (bottom, top));
    for (i, (series, points)) in panel.series.iter().zip(placed).enumerate() {
        let color = COLORS[i % COLORS.len()];
        add(&mut chart, series, thin(points), right, color)?;
    }
    chart
        .configure_series_labels()
        .position(legend)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .label_font(("sans-serif", 12))
        .draw()?;
    Ok(())
}

/// The corner in which the fewest points would be behind the legend.
fn corner<'a>(
    points: impl Iterator<Item = &'a (f64, f64)>,
    (left, right): (f64, f64),
    (bottom, top): (f64, f64),
) -> SeriesLabelPosition {
    use SeriesLabelPosition::{LowerLeft, LowerRight, UpperLeft, UpperRight};
    let mut corners = [
        (0, UpperRight),
        (0, LowerRight),
        (0, UpperLeft),
        (0, LowerLeft),
    ];
    for &(x, y) in points {
        let across = (x - left) / (right - left);
        let up = (y - bottom) / (top - bottom);
        // A legend takes about as much of a panel.
        if (0.45..0.55).contains(&across) || (0.4..0.6).contains(&up) {
            continue;
        }
        corners[usize::from(across < 0.5) * 2 + usize::from(up < 0.5)].0 += 1;
    }
    let best = corners.into_iter().min_by_key(|&(points, _)| points);
    best.map_or(UpperRight, |(_, corner)| corner)
}

fn add<'a, 'b: 'a>(
    chart: &mut Chart<'a, 'b>,
    series: &Series,
    points: Vec<(f64, f64)>,
    right: f64,
    color: RGBColor,
) -> Result<(), Box<dyn Error>> {
    let legend = if series.style == Style::Marks {
        chart
            .draw_series(points.iter().map(|&at| Circle::new(at, 4, color.filled())))?
            .label(&series.name)
            .legend(move |(x, y)| Circle::new((x + 9, y), 4, color.filled()).into_dyn());
        return Ok(());
    } else {
        move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)).into_dyn()
    };
    let points = match series.style {
        Style::Steps => steps(&points, right),
        _ => points,
    };
    chart
        .draw_series(LineSeries::new(points, color.stroke_width(2)))?
        .label(&series.name)
        .legend(legend);
    Ok(())
}

/// Corners of a line that holds each value until the next point, and the last
/// one to the end of the picture.
fn steps(points: &[(f64, f64)], right: f64) -> Vec<(f64, f64)> {
    let mut corners = Vec::with_capacity(points.len() * 2 + 1);
    for pair in points.windows(2) {
        corners.extend([pair[0], (pair[1].0, pair[0].1)]);
    }
    corners.extend(
        points
            .last()
            .into_iter()
            .flat_map(|&(x, y)| [(x, y), (right, y)]),
    );
    corners
}

/// Leaves out points, evenly, but no end and no extreme of a stretch.
fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= POINTS {
        return points;
    }
    let mut keep = BTreeSet::from([0, points.len() - 1]);
    let stretch = points.len().div_ceil(POINTS / 2);
    for start in (0..points.len()).step_by(stretch) {
        let all = start..(start + stretch).min(points.len());
        let by_value = |&a: &usize, &b: &usize| points[a].1.total_cmp(&points[b].1);
        keep.extend(all.clone().min_by(by_value));
        keep.extend(all.max_by(by_value));
    }
    keep.into_iter().map(|i| points[i]).collect()
}
