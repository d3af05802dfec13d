//! Memory by kind and the part the kernel cannot take back, from `memory.stat` of either version.
//!
//! Kernel documentation: "Control Group v2", section "Memory Interface Files", and "Memory Resource Controller", section 5.2.

use conformance::observation::MemoryBreakdown;
use conformance::units::Bytes;

use super::text::MemoryStat;

/// Memory of a container at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MemoryParts {
    /// By kind; page cache without the shared memory it holds.
    pub(super) breakdown: MemoryBreakdown,
    /// What the kernel cannot take back without swapping or killing.
    pub(super) nonreclaimable: u64,
    /// How that was computed on this kernel.
    pub(super) formula: &'static str,
}

impl MemoryParts {
    /// Anonymous, kernel and shared memory, where the kernel tells all three.
    pub(super) fn held(&self) -> Option<u64> {
        let parts = [
            self.breakdown.anon?,
            self.breakdown.kernel?,
            self.breakdown.shmem?,
        ];
        Some(
            parts
                .into_iter()
                .fold(0, |sum, part| part.0.saturating_add(sum)),
        )
    }
}

/// From v1 lines; kernel memory is a file of its own there, and its slab is not split. `None` without an `rss` line.
pub(super) fn parts_v1(stat: &MemoryStat, kernel: Option<u64>) -> Option<MemoryParts> {
    let anon = stat.anon?;
    let (rest, formula) = match (stat.shmem, stat.file) {
        (Some(shmem), _) => (shmem, "rss + shmem of memory.stat (cgroup v1)"),
        // Linux before 4.10 counts shared memory in the cache alone: the whole cache is the honest upper bound.
        (None, file) => (
            file?,
            "rss + cache of memory.stat (cgroup v1; this kernel does not tell shmem apart)",
        ),
    };
    Some(MemoryParts {
        breakdown: breakdown(stat, kernel, stat.swap),
        nonreclaimable: anon.saturating_add(rest),
        formula,
    })
}

/// From v2 lines. `None` without `anon` and `shmem`.
pub(super) fn parts_v2(stat: &MemoryStat, swap: Option<u64>) -> Option<MemoryParts> {
    // Before Linux 5.18 the kinds of kernel memory are told, but not their sum.
    let kinds = [
        stat.kernel_stack,
        stat.pagetables,
        stat.percpu,
        stat.slab_reclaimable,
        stat.slab_unreclaimable,
    ];
    let (kernel, formula) = match stat.kernel {
        Some(kernel) => (
            kernel,
            "anon + shmem + (kernel - slab_reclaimable) of memory.stat (cgroup v2)",
        ),
        None => (
            kinds.into_iter().flatten().fold(0, u64::saturating_add),
            "anon + shmem + kernel_stack + pagetables + percpu + slab_unreclaimable of memory.stat (cgroup v2; this kernel has no kernel line)",
        ),
    };
    let unreclaimable = kernel.saturating_sub(stat.slab_reclaimable.unwrap_or(0));
    let nonreclaimable = stat.anon?.saturating_add(stat.shmem?);
    Some(MemoryParts {
        breakdown: breakdown(stat, Some(kernel), swap),
        nonreclaimable: nonreclaimable.saturating_add(unreclaimable),
        formula,
    })
}

fn breakdown(stat: &MemoryStat, kernel: Option<u64>, swap: Option<u64>) -> MemoryBreakdown {
    let shmem = stat.shmem.unwrap_or(0);
    MemoryBreakdown {
        anon: stat.anon.map(Bytes),
        file: stat.file.map(|file| Bytes(file.saturating_sub(shmem))),
        shmem: stat.shmem.map(Bytes),
        kernel: kernel.map(Bytes),
        slab_reclaimable: stat.slab_reclaimable.map(Bytes),
        swap: swap.map(Bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::{memory_stat_v1, memory_stat_v2};
    use super::*;

    #[test]
    fn reclaimable_slab_and_page_cache_do_not_count_on_v2() {
        let stat =
            memory_stat_v2(b"anon 100\nfile 5000\nkernel 70\nshmem 10\nslab_reclaimable 30\n");
        let parts = parts_v2(&stat, Some(3)).unwrap();
        assert_eq!(parts.nonreclaimable, 100 + 10 + (70 - 30));
        assert_eq!(parts.held(), Some(100 + 70 + 10));
        assert_eq!(parts.breakdown.file, Some(Bytes(4990)));
        assert_eq!(parts.breakdown.swap, Some(Bytes(3)));
    }

    #[test]
    fn a_v2_kernel_without_a_sum_of_its_memory_is_summed_by_kind() {
        let stat = memory_stat_v2(
            b"anon 100\nfile 0\nshmem 0\nkernel_stack 1\npagetables 2\npercpu 4\nslab_reclaimable 8\nslab_unreclaimable 16\n",
        );
        let parts = parts_v2(&stat, None).unwrap();
        assert_eq!(parts.nonreclaimable, 100 + 1 + 2 + 4 + 16);
        assert_eq!(parts.breakdown.kernel, Some(Bytes(31)));
        assert!(parts.formula.contains("no kernel line"));
    }

    #[test]
    fn shared_memory_counts_on_v1() {
        let stat = memory_stat_v1(b"cache 5000\nrss 100\nshmem 10\nswap 0\n");
        let parts = parts_v1(&stat, Some(7)).unwrap();
        assert_eq!(parts.nonreclaimable, 110);
        assert_eq!(parts.held(), Some(117));
    }

    #[test]
    fn an_old_v1_kernel_yields_the_upper_bound() {
        let stat = memory_stat_v1(b"cache 5000\nrss 100\n");
        let parts = parts_v1(&stat, None).unwrap();
        assert_eq!(parts.nonreclaimable, 5100);
        assert_eq!(parts.held(), None);
    }

    #[test]
    fn a_file_without_the_lines_is_no_number() {
        assert_eq!(parts_v1(&memory_stat_v1(b"cache 5\n"), None), None);
        assert_eq!(parts_v2(&memory_stat_v2(b"anon 5\n"), None), None);
    }
}
