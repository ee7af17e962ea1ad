#!/bin/bash
# The axes beside left-to-right and near-to-far, each with the policy that belongs to it. Axes with the same demonstrations
# share one training (`para axes` lists them), and a smaller scaling set is the beginning of a larger one of its draw, so
# that it is recorded once. Every step resumes. Times are for two quiet CPU cores; tier B can wait.
#
#   bash runs/axes.sh [folder] [part ...]      parts: default64 scaling random10 inner hemisphere full yaw suite external
set -euo pipefail
OUT=${1:-outputs/axes}
PARTS=${*:2}
POLICIES="para cls_regression"
part() { [[ -z "$PARTS" || " $PARTS " == *" $1 "* ]]; }

train() {  # dataset folder, run folder, further arguments: all policies                                     25 to 60 min
    for POLICY in $POLICIES; do
        STEPS=1500; [ $POLICY = cls_regression ] && STEPS=2500  # until it is competent
        para train --preset $POLICY --steps $STEPS --dataset "$1" --out "$2/train/$POLICY" "${@:3}"
    done
}

ask() {  # run folder, axis, episodes: unseen and seen conditions, then the expert                           2 to 8 min a policy
    for POLICY in $POLICIES; do
        for SPLIT in in_distribution test; do
            para evaluate --policy "$1/train/$POLICY/policy" --name $POLICY --axis "$2" --split $SPLIT \
                --episodes $([ $SPLIT = test ] && echo "$3" || echo 100) --records "$1/records/$2.jsonl" --videos "$1/videos"
        done
    done
    para evaluate --axis "$2" --split test --episodes 50 --records "$1/records/$2.jsonl"                   #  1 min
}

if part default64; then  # tier A: dense, view, distractors, calibration; tier B: view_far, appearance
    para demos --axis dense --out $OUT/default64/demos                                                     #  2 min
    train $OUT/default64/demos $OUT/default64
    ask $OUT/default64 dense 200
    ask $OUT/default64 view 800           # 100 a ring
    ask $OUT/default64 distractors 300    # 100 each with 3, 6 and 10 objects
    ask $OUT/default64 calibration 400    # 100 each at 0.25, 0.5, 1 and 2 deg and cm
    TRAINED=$OUT/default64/train          # the same with the camera corrected while the policy runs
    para train --preset locator --dataset $OUT/default64/demos --out $TRAINED/locator                      #  5 to 10 min
    para evaluate --policy $TRAINED/para/policy --locator $TRAINED/locator/policy --name para_corrected --axis calibration \
        --split test --episodes 400 --records $OUT/default64/records/calibration.jsonl                     #  8 min
    ask $OUT/default64 view_far 200       # 100 each at 35 and 45 deg
    ask $OUT/default64 appearance 100
    para report $OUT/default64
fi

if part scaling; then  # tier A: N = 8 and 32; tier B: the rest
    for DRAW in 0 1 2 3 4; do
        LARGEST=128; [ $DRAW -gt 2 ] && LARGEST=16
        para demos --axis scaling_n${LARGEST}_d$DRAW --out $OUT/scaling/demos_d$DRAW                       #  3 min a draw
        for N in 8 32 1 2 4 16 64 128; do
            [ $N -le $LARGEST ] || continue
            RUN=$OUT/scaling/n${N}_d$DRAW
            train $OUT/scaling/demos_d$DRAW $RUN --demos $N
            ask $RUN scaling_n${N}_d$DRAW 100
        done
    done
fi

if part random10; then
    for DRAW in 0 1 2 3 4; do
        RUN=$OUT/random10/d$DRAW
        para demos --axis random10_d$DRAW --out $RUN/demos                                                 #  1 min
        train $RUN/demos $RUN
        ask $RUN random10_d$DRAW 100
    done
fi

for PAIR in inner:inner:100 hemisphere:view_hemisphere:200 full:lr_full:200; do
    IFS=: read -r PART AXIS EPISODES <<< "$PAIR"
    part "$PART" || continue
    para demos --axis "$AXIS" --out $OUT/"$AXIS"/demos                                                      #  1 to 4 min
    train $OUT/"$AXIS"/demos $OUT/"$AXIS"
    ask $OUT/"$AXIS" "$AXIS" "$EPISODES"
    para report $OUT/"$AXIS"
done

if part yaw; then  # tier B; the policy that points at the fingers' axis beside the default
    POLICIES="para_yaw para cls_regression"
    para demos --axis yaw --out $OUT/yaw/demos                                                             #  2 min
    train $OUT/yaw/demos $OUT/yaw
    ask $OUT/yaw yaw 100
    para report $OUT/yaw
fi

# LIBERO-Spatial's ten tasks: policies that are told their task, by their names in the table, and their presets.
SUITE=$OUT/suite
SUITE_POLICIES="para:para_suite:3000 para_task_id:para_suite_task_id:3000 cls_regression:cls_regression_suite:5000"

ask_suite() {  # axis, episodes, splits: all three policies
    for POLICY in $SUITE_POLICIES; do
        for SPLIT in "${@:3}"; do
            para evaluate --policy $SUITE/train/"${POLICY%%:*}"/policy --name "${POLICY%%:*}" --axis "$1" --split "$SPLIT" \
                --episodes "$2" --records $SUITE/records/"$1".jsonl --videos $SUITE/videos                 #  4 min
        done
    done
    para evaluate --axis "$1" --split test --episodes "$2" --records $SUITE/records/"$1".jsonl             #  2 min
}

if part suite; then  # the same scene with two instructions: suite and suite_other_bowl begin with the same pictures
    para demos --axis suite --out $SUITE/demos                                                             #  8 min
    for POLICY in $SUITE_POLICIES; do
        IFS=: read -r NAME PRESET STEPS <<< "$POLICY"
        para train --preset "$PRESET" --steps "$STEPS" --dataset $SUITE/demos --out $SUITE/train/"$NAME"  # 40 min
    done
    ask_suite suite 100 in_distribution test
    ask_suite suite_other_bowl 100 test
    para report $SUITE
fi

if part external; then  # the policies of suite on other benchmarks' conditions: reported, nothing is chosen by them
    ask_suite external_swap 100 test
    ask_suite external_views 376 test
    para report $SUITE
fi
