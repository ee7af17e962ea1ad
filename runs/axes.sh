#!/bin/bash
# Every axis of the benchmark, each with the policies that belong to it. Axes with the same demonstrations share one training
# (`para axes` lists them). Every step resumes, so that further rivals can be added to a finished folder:
#
#   bash runs/axes.sh [folder] [part ...]
#   POLICIES="act para_paper_lite0_224 para_seed1" bash runs/axes.sh [folder] lr nf
#
# Parts: lr_independent lr nf default64 scaling random10 inner hemisphere full yaw suite external. `para reproduce --preset lr`
# does the same for one axis in one command. Times are for two quiet CPU cores; tier B can wait.
set -euo pipefail
OUT=${1:-outputs/axes}
LEDGER=$OUT/ledger.jsonl  # every look at test conditions; the report counts them
PARTS=${*:2}
ASKED=${POLICIES:-}
POLICIES=${ASKED:-para cls_regression}
part() { [[ -z "$PARTS" || " $PARTS " == *" $1 "* ]]; }

steps() {  # policy, the pooled regression's steps: until it is competent where it was trained; nothing: the preset's own
    case $1 in
        para_yaw | para_yaw_top_view | para_paper_lite0_224) echo "--steps 1500" ;;  # the last does worse with 6000
        para) echo "--steps ${POINTING_STEPS:-6000}" ;;
        cls_regression) echo "--steps ${2:-2500}" ;;
        cls_regression_camera | act_camera_frame) echo "--steps 8000" ;;
        reg_*) echo "--steps 6000" ;;  # the cells of the factorial
    esac
}

train() {  # dataset folder, run folder, further arguments: all policies; para_seed1 is para with seed 1        30 to 80 min
    for POLICY in $POLICIES; do
        PRESET=${POLICY%_seed*}
        SEED=${POLICY#"$PRESET"}
        SEED=${SEED#_seed}
        # shellcheck disable=SC2046  # two words or none
        para train --preset $PRESET $(steps $PRESET ${REGRESSION_STEPS:-}) --seed ${SEED:-0} --dataset "$1" \
            --out "$2/train/$POLICY" "${@:3}"
    done
}

ask() {  # run folder, axis, episodes (and of the expert): unseen and seen conditions                        2 to 8 min a policy
    local INTO=${GATHER:-$1}  # draws of one training set are one run: their records lie together
    for POLICY in $POLICIES; do
        for SPLIT in in_distribution test; do
            para evaluate --policy "$1/train/$POLICY/policy" --name $POLICY --axis "$2" --split $SPLIT \
                --episodes $([ $SPLIT = test ] && echo "$3" || echo 100) --records "$INTO/records/$2.jsonl" --videos "$INTO/videos" \
                --ledger "$LEDGER"
        done
    done
    para evaluate --axis "$2" --split test --episodes ${4:-50} --records "$INTO/records/$2.jsonl" --ledger "$LEDGER"  #  1 min
}

for AXIS in lr_independent lr nf; do  # tier A: a half of the table to the other half
    part $AXIS || continue
    REGRESSION_STEPS=3500; [ $AXIS = nf ] && REGRESSION_STEPS=2500
    para demos --axis $AXIS --out $OUT/$AXIS/demos                                                         #  3 min
    para check $OUT/$AXIS/demos                                                                            #  2 min
    train $OUT/$AXIS/demos $OUT/$AXIS
    ask $OUT/$AXIS $AXIS 200 200
    para report $OUT/$AXIS
done
unset REGRESSION_STEPS

if part default64; then  # tier A: dense, view, distractors, calibration; tier B: view_far, appearance
    para demos --axis dense --out $OUT/default64/demos                                                     #  2 min
    train $OUT/default64/demos $OUT/default64
    ask $OUT/default64 dense 200
    ask $OUT/default64 view 800           # 100 a ring
    ask $OUT/default64 distractors 300    # 100 each with 3, 6 and 10 objects
    ask $OUT/default64 calibration 400    # 100 each at 0.25, 0.5, 1 and 2 deg and cm
    if [[ " $POLICIES " == *" para "* ]]; then  # the same with the camera corrected while the policy runs
        TRAINED=$OUT/default64/train
        para train --preset locator --dataset $OUT/default64/demos --out $TRAINED/locator                  #  5 to 10 min
        para evaluate --policy $TRAINED/para/policy --locator $TRAINED/locator/policy --name para_corrected \
            --axis calibration --split test --episodes 400 --records $OUT/default64/records/calibration.jsonl \
            --ledger "$LEDGER"                                                                             #  8 min
    fi
    ask $OUT/default64 view_far 200       # 100 each at 35 and 45 deg
    ask $OUT/default64 appearance 100
    para report $OUT/default64
fi

scaling() {  # draw, layouts of the recorded set, sizes: its beginnings, and the whole of it
    DEMOS=$OUT/scaling/demos_n$2_d$1
    para demos --axis scaling_n$2_d$1 --out $DEMOS                                                         #  1 to 4 min
    for N in "${@:3}"; do
        RUN=$OUT/scaling/n${N}_d$1
        # shellcheck disable=SC2046  # two words or none
        train $DEMOS $RUN $([ $N = $2 ] || echo "--demos $N")
        GATHER=$OUT/scaling ask $RUN scaling_n${N}_d$1 100
    done
}

POINTING_STEPS=1500  # a few demonstrations are learned sooner
if part scaling; then
    for DRAW in 0 1 2; do scaling $DRAW 32 8 32; done             # tier A
    for DRAW in 0 1 2; do scaling $DRAW 128 1 2 4 16 64 128; done  # tier B
    for DRAW in 3 4; do scaling $DRAW 16 1 2 4 8 16; done
    para report $OUT/scaling
fi

if part random10; then
    for DRAW in 0 1 2 3 4; do
        RUN=$OUT/random10/d$DRAW
        para demos --axis random10_d$DRAW --out $RUN/demos                                                 #  1 min
        train $RUN/demos $RUN
        GATHER=$OUT/random10 ask $RUN random10_d$DRAW 100
    done
    para report $OUT/random10
fi

for PAIR in inner:inner:100 hemisphere:view_hemisphere:200 full:lr_full:200; do
    IFS=: read -r PART AXIS EPISODES <<< "$PAIR"
    part "$PART" || continue
    POINTING_STEPS=$([ "$PART" = full ] && echo 1500 || echo 6000)  # longer was not tried among objects
    REGRESSION_STEPS=$([ "$PART" = full ] && echo 3500 || echo 2500)
    para demos --axis "$AXIS" --out $OUT/"$AXIS"/demos                                                      #  1 to 4 min
    train $OUT/"$AXIS"/demos $OUT/"$AXIS"
    ask $OUT/"$AXIS" "$AXIS" "$EPISODES"
    para report $OUT/"$AXIS"
done
unset REGRESSION_STEPS

if part yaw; then  # tier B; the policies that are made for it beside the default
    POLICIES=${ASKED:-para_yaw_top_view para_yaw para cls_regression}
    POINTING_STEPS=1500
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
                --episodes "$2" --records $SUITE/records/"$1".jsonl --videos $SUITE/videos --ledger "$LEDGER"  #  4 min
        done
    done
    para evaluate --axis "$1" --split test --episodes "$2" --records $SUITE/records/"$1".jsonl --ledger "$LEDGER"  #  2 min
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
