#!/bin/bash
# The video table: a small video model, trained on our own videos from nothing, as the backbone of a pointing and of a
# regressing policy. It says nothing about pretrained video models. Times are of one core with AVX-512 (float32) beside
# another job, those of joint stages and heads reckoned from `benchmarks/train_step.py`; every stage can be stopped and goes on
# where it was, and recipes share the stages they have in common. `torchrun --standalone --nproc-per-node 2 -m para.cli train
# ...` trains on two cores.
set -euo pipefail
OUT=${1:-outputs/video}
DEMOS=${2:-$OUT/demos}    # left half, 128 demonstrations; recorded unless given
ALL=${3:-$OUT/videos}     # the whole table, 64 demonstrations, used as videos without actions; recorded unless given

recipe() { para train --preset "$1" --dataset "$DEMOS" --out "$OUT" "${@:2}"; }

[ -n "${2:-}" ] || para demos --axis lr --out "$DEMOS"                                                    #  4 min
[ -n "${3:-}" ] || para demos --axis dense --out "$ALL"                                                     #  2 min

recipe video_two_stage               # autoencoder 12 min, video 75 min, joint 85 min
para show video --policy "$OUT/video/policy" --dataset "$DEMOS" --episode 3 --frame 40 --out "$OUT/foreseen.png"  # 2 to 4 min
recipe video_two_stage_global        # joint alone, 75 min
recipe video_two_stage_global_fixed  # the same, camera not told and not turned, 75 min
recipe video_frozen                  # head alone, 40 min
recipe video_joint                   # 2800 joint steps, 150 min
recipe video_then_actions            # actions alone in the last stage, 60 min
recipe video_then_actions_long       # twice the steps of the last stage, 115 min
recipe video_then_actions_long_global  # the same, regressing, 90 min
recipe video_actions_alone           # 3100 steps of actions alone, 115 min
recipe video_all --videos "$ALL"     # all three stages again, 170 min

for ROW in two_stage two_stage_global two_stage_global_fixed frozen joint two_stage_all \
    then_actions then_actions_long then_actions_long_global actions_alone; do                               # 18 min each on one core
    for SPLIT in in_distribution test; do
        para evaluate --policy "$OUT/$ROW/policy" --name "video_$ROW" --axis lr --split $SPLIT \
            --episodes $([ $SPLIT = test ] && echo 200 || echo 100) \
            --records "$OUT/records/lr.jsonl" --videos "$OUT/films" --ledger "$OUT/ledger.jsonl"
    done
done
