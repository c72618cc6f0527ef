//! Work on many things at once, where a lock is held.
//!
//! A worker of rayon that waits for its own work takes up other work meanwhile. Where it holds a
//! lock, such as that of a value that is made when it is first asked for, the other work may ask
//! for the same value, and the worker waits for itself for ever. Threads of their own do not.

use std::panic::resume_unwind;
use std::thread;

/// Less is done on the spot.
const LEAST: usize = 64;

/// What a function gives for each of the items, in their order.
pub fn map<T: Sync, R: Send>(items: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = rayon::current_num_threads().min(items.len() / LEAST);
    if threads < 2 {
        return items.iter().map(each).collect();
    }
    let each = &each;
    thread::scope(|scope| {
        let parts = items.chunks(items.len().div_ceil(threads));
        let running: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(each).collect::<Vec<R>>()))
            .collect();
        let parts = running.into_iter();
        parts
            .flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn the_order_is_kept() {
        for many in [0, 1, 63, 64, 1000, 1001] {
            let items: Vec<usize> = (0..many).collect();
            let doubled: Vec<usize> = items.iter().map(|n| n * 2).collect();
            assert_eq!(map(&items, |n| n * 2), doubled);
        }
    }
}
