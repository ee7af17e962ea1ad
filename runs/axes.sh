#!/bin/bash
# The axes beside left-to-right and near-to-far, each with the policy that belongs to it. Axes with the same demonstrations
# share one training (`para axes` lists them), and a smaller scaling set is the beginning of a larger one of its draw, so
# that it is recorded once. Every step resumes. Times are for two quiet CPU cores; tier B can wait.
#
#   bash runs/axes.sh [folder] [part ...]      parts: default64 scaling random10 inner hemisphere full yaw; all by default
set -euo pipefail
OUT=${1:-outputs/axes}
PARTS=${*:2}
POLICIES="para cls_regression"
part() { [[ -z "$PARTS" || " $PARTS " == *" $1 "* ]]; }

train() {  # dataset folder, run folder, further arguments: all policies                                     25 min
    for POLICY in $POLICIES; do
        para train --preset $POLICY --steps 2000 --dataset "$1" --out "$2/train/$POLICY" "${@:3}"
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
