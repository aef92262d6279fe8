#!/usr/bin/env bash
# A sweep as an array of SLURM jobs, and after them one job that merges, explains and judges:
#
#   CARD=models/digits.toml RECORDINGS=recordings/joe OUT=reports/digits bash ops/slurm.sh
#
# Without SLURM the same lines run here, one shard after the other. SHARDS is how many; all machines see the same folders.
set -euo pipefail

: "${CARD:?a model card}" "${RECORDINGS:?a folder of recordings}" "${OUT:?the run folder to write}"
export CARD RECORDINGS OUT SHARDS="${SHARDS:-40}" RULES="${RULES:-}" OPTIONS="${OPTIONS:-}"
export ROBUSTNESS="${ROBUSTNESS:-robustness}"
SELF="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")"

case "${1:-submit}" in
shard)   # $2: its number; a shard that is started again goes on with what is there
    # shellcheck disable=SC2086  # OPTIONS are words
    $ROBUSTNESS sweep --shard "$2/$SHARDS" --model "$CARD" --recordings "$RECORDINGS" --out "$OUT.shards" --same-cpu $OPTIONS
    ;;
merge)
    $ROBUSTNESS merge "$OUT.shards" --out "$OUT"
    $ROBUSTNESS report --from "$OUT" --model "$CARD"
    if [ -n "$RULES" ]; then $ROBUSTNESS gate --from "$OUT" --rules "$RULES"; fi
    ;;
submit)
    if command -v sbatch > /dev/null; then
        array=$(sbatch --parsable --array="1-$SHARDS" --cpus-per-task=2 --requeue --wrap="bash '$SELF' shard \$SLURM_ARRAY_TASK_ID")
        sbatch --dependency="afterok:$array" --cpus-per-task=2 --wrap="bash '$SELF' merge"
    else
        for number in $(seq "$SHARDS"); do bash "$SELF" shard "$number"; done
        bash "$SELF" merge
    fi
    ;;
esac
