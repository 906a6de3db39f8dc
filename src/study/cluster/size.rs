//! How many tasks, of which time, where nobody said so.
//!
//! Sites ask for jobs of half an hour and more (each start costs the scheduler as much as a long job does), for fewer than
//! a thousand of them, and refuse arrays above `MaxArraySize`. So a task takes many cells, and knows how many from what
//! the cells cost, where that is known.

use super::WallTime;
use anyhow::{Result, ensure};

/// Slurm's own default of `MaxArraySize`: indices run from 0 to one less.
pub const MAX_ARRAY_SIZE: usize = 1001;

/// What a task should take, in seconds: well over the half hour that sites ask for, well under the limits of queues.
const TASK_SECONDS: f64 = 45.0 * 60.0;
/// Tasks where the cost of a cell is not known: enough to fill a partition, few enough for everybody else.
const MOST_BLIND: usize = 100;
/// Cells a processor of a task should have before there is another task, where the cost of a cell is not known.
const CELLS_A_CPU: usize = 4;
/// Time of a task where the cost of a cell is not known.
const BLIND_MINUTES: u64 = 4 * 60;

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unfinished {
    /// Cells that are not done.
    pub cells: usize,
    /// Seconds that one of them takes on average, where that is known.
    pub seconds: Option<f64>,
}

/// An array's size.
#[derive(Debug, Clone, PartialEq)]
pub struct Size {
    /// Tasks, from 1.
    pub tasks: usize,
    /// Time limit of each.
    pub time: WallTime,
    /// What there is to say about it.
    pub notes: Vec<String>,
}

impl Size {
    /// The size of an array for what is unfinished, in tasks of `cpus` processors, each of which works on one cell at a
    /// time; with what the user asked for, in arrays of at most `max_array_size`.
    ///
    /// # Errors
    /// Where more tasks are asked for than an array may have.
    pub fn of(
        unfinished: Unfinished,
        cpus: usize,
        tasks: Option<usize>,
        time: Option<WallTime>,
        max_array_size: usize,
    ) -> Result<Self> {
        let (cpus, cells) = (cpus.max(1), unfinished.cells.max(1));
        let mut notes = vec![];
        let tasks = match tasks {
            Some(tasks) => {
                ensure!(
                    tasks <= max_array_size,
                    "--tasks {tasks}: this Slurm takes arrays of at most {max_array_size} (MaxArraySize of `scontrol show \
                     config`). A task takes many cells: choose fewer tasks"
                );
                tasks.max(1)
            }
            None => {
                let wished = match unfinished.seconds {
                    Some(seconds) => (seconds * cells as f64 / (cpus as f64 * TASK_SECONDS)).ceil() as usize,
                    None => cells.div_ceil(CELLS_A_CPU * cpus).min(MOST_BLIND),
                };
                let most = max_array_size.min(1000);
                if wished > most {
                    notes.push(format!(
                        "{wished} tasks of three quarters of an hour would be needed: {most} longer ones are submitted"
                    ));
                }
                wished.clamp(1, most)
            }
        };
        // An empty share is a job for nothing.
        let useful = tasks.min(cells);
        if useful < tasks {
            notes.push(format!("{tasks} tasks for {cells} cells: {useful} are enough"));
        }
        let time = time.unwrap_or_else(|| match unfinished.seconds {
            Some(seconds) => {
                let rounds = cells.div_ceil(useful).div_ceil(cpus);
                // Three times what is expected, and for one slow cell at the least; in whole half hours, up to a day.
                let minutes = (3.0 * seconds * rounds as f64 / 60.0).clamp(30.0, 1440.0);
                WallTime::minutes((minutes / 30.0).ceil() as u64 * 30)
            }
            None => WallTime::minutes(BLIND_MINUTES),
        });
        Ok(Self { tasks: useful, time, notes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(cells: usize, seconds: Option<f64>, cpus: usize) -> (usize, String) {
        let size = Size::of(Unfinished { cells, seconds }, cpus, None, None, MAX_ARRAY_SIZE).unwrap();
        (size.tasks, size.time.to_string())
    }

    #[test]
    fn tasks_are_neither_many_nor_short() {
        // 80 cells of 10 minutes on 2 processors: 400 minutes of work, in tasks of about 45.
        assert_eq!(size(80, Some(600.0), 2), (9, "02:30:00".into()));
        // Short cells share one task.
        assert_eq!(size(80, Some(2.0), 2), (1, "00:30:00".into()));
        // Never more tasks than cells, and time for a long one.
        assert_eq!(size(3, Some(7200.0), 1), (3, "06:00:00".into()));
        // Nothing known.
        assert_eq!(size(80, None, 2), (10, "04:00:00".into()));
        assert_eq!(size(100_000, None, 2), (100, "04:00:00".into()));
        assert_eq!(size(1, None, 8), (1, "04:00:00".into()));
        assert_eq!(size(0, None, 0), (1, "04:00:00".into()));
    }

    #[test]
    fn an_array_is_no_larger_than_slurm_takes() {
        let work = Unfinished { cells: 100_000, seconds: Some(3600.0) };
        let size = Size::of(work, 1, None, None, 1001).unwrap();
        assert_eq!((size.tasks, size.time.to_string().as_str()), (1000, "1-00:00:00"));
        assert!(size.notes[0].contains("1000 longer ones"), "{:?}", size.notes);
        assert_eq!(Size::of(work, 1, Some(1001), None, 1001).unwrap().tasks, 1001);
        let e = Size::of(work, 1, Some(1002), None, 1001).unwrap_err().to_string();
        assert!(e.contains("--tasks 1002") && e.contains("at most 1001"), "{e}");
    }

    #[test]
    fn what_is_asked_for_is_done() {
        let work = Unfinished { cells: 6, seconds: None };
        let asked = Size::of(work, 2, Some(4), Some(WallTime::minutes(7)), 1001).unwrap();
        assert_eq!(asked, Size { tasks: 4, time: WallTime::minutes(7), notes: vec![] });
        let many = Size::of(work, 2, Some(40), None, 1001).unwrap();
        assert_eq!((many.tasks, many.notes[0].as_str()), (6, "40 tasks for 6 cells: 6 are enough"));
    }
}
