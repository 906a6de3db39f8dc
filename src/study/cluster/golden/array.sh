#!/bin/bash
# A study as an array of tasks, each a share of its cells; written by `narrows study submit`. To change it and submit it by
# hand is safe: a cell that is done is not done again.
#SBATCH --job-name=narrows-four-activations
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --array=0-3%2
#SBATCH --cpus-per-task=2
#SBATCH --time=02:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=/scratch/ada/study/submit/1/logs/share-%A_%a.log
#SBATCH --signal=B:USR1@120
#SBATCH --mem=4G
#SBATCH --partition=long
#SBATCH --account=p123
#SBATCH --chdir=/scratch/ada/work
#SBATCH --gres=gpu:1
#SBATCH "--comment=of the night"

set -u
narrows=/opt/narrows/bin/narrows
study=/scratch/ada/work/study.toml
out=/scratch/ada/study
# Relative paths in the study count from here. Slurm itself would go on in /tmp where it cannot enter a folder.
cd -- /scratch/ada/work || exit 1

# A task that was killed, or is at the end of its time, goes back into the queue, where its share goes on; this often.
most=3
restarts="${SLURM_RESTART_COUNT:-0}"
task="${SLURM_ARRAY_TASK_ID:?this script is for sbatch: it needs the number of its task}"
echo "narrows: share $task of 4 (counted from 0) on $(uname -n), start $((restarts + 1)), $(date -u +%FT%TZ)"

late=""
worker=""
trap 'late=1; kill -TERM "$worker" 2>/dev/null' USR1
trap 'kill -TERM "$worker" 2>/dev/null' TERM
"$narrows" study run "$study" --out "$out" --shard "$task/4" --no-merge \
  --jobs "${SLURM_CPUS_PER_TASK:-1}" --threads "${SLURM_CPUS_PER_TASK:-1}" &
worker=$!
# A signal ends `wait` before the worker has ended.
wait "$worker"; code=$?
while kill -0 "$worker" 2>/dev/null; do wait "$worker"; code=$?; done

why=""
if [ -n "$late" ] && [ "$code" -ne 0 ]; then
  why="its time is over"
elif [ "$code" -eq 137 ]; then
  why="narrows was killed (for want of memory? then submit again with more --memory)"
fi
if [ -n "$why" ] && [ "$restarts" -lt "$most" ]; then
  echo "narrows: share $task: $why: back into the queue, restart $((restarts + 1)) of at most $most" >&2
  # One task, never the whole array. Slurm ends this script; where it does not, it fails.
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$task" && sleep 60
elif [ -n "$why" ]; then
  echo "narrows: share $task: $why, and it was restarted $restarts times: it stays as it is. What is done is kept" >&2
fi
echo "narrows: share $task ended with exit code $code, $(date -u +%FT%TZ)"
exit "$code"
