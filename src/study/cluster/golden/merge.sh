#!/bin/bash
# The tables of a study, merged once the array is over; written by `narrows study submit`. By hand:
#   sbatch --dependency=afterany:NUMBER_OF_THE_ARRAY merge.sh
#SBATCH --job-name=narrows-four-activations-merge
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=/scratch/ada/study/submit/1/logs/merge-%j.log
#SBATCH --mem=4G
#SBATCH --partition=long
#SBATCH --account=p123
#SBATCH --chdir=/scratch/ada/work
#SBATCH --gres=gpu:1
#SBATCH "--comment=of the night"

set -u
narrows=/opt/narrows/bin/narrows
out=/scratch/ada/study
cd -- /scratch/ada/work || exit 1

"$narrows" study merge "$out"; code=$?
if [ "$code" -eq 0 ]; then
  "$narrows" report "$out"
  exit
fi
{
  echo "narrows: the tables are not merged. What is done is kept; only what is missing is done again by:"
  printf '  %s\n' 'cd /scratch/ada/work && narrows study submit study.toml --out /scratch/ada/study'
  echo "or, with the cells that failed tried again:"
  printf '  %s\n' 'cd /scratch/ada/work && narrows study submit study.toml --out /scratch/ada/study --retry'
  echo "The cells that are there, without the others:"
  printf '  %s\n' '/opt/narrows/bin/narrows study merge /scratch/ada/study --partial'
} >&2
exit "$code"
