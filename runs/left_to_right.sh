#!/bin/bash
# The left-to-right results of the README, step by step: the same as `para reproduce --preset lr_independent` and
# `--preset lr`, but each step can be stopped, looked at and repeated. Times are for two quiet CPU cores.
set -euo pipefail
OUT=${1:-outputs}

for AXIS in lr_independent lr; do
    RUN=$OUT/$AXIS
    para demos --axis $AXIS --out $RUN/demos                                                              #  3 min
    para check $RUN/demos                                                                                 #  2 min
    para train --preset para --steps 1500 --dataset $RUN/demos --out $RUN/train/para                      # 11 min
    para train --preset cls_regression --steps 3500 --dataset $RUN/demos --out $RUN/train/cls_regression  # 14 min, until it is competent

    for POLICY in para cls_regression; do                                                                 #  4 min each
        for SPLIT in in_distribution test; do
            para evaluate --policy $RUN/train/$POLICY/policy --name $POLICY --axis $AXIS --split $SPLIT \
                --episodes $([ $SPLIT = test ] && echo 200 || echo 100) \
                --records $RUN/records/$AXIS.jsonl --videos $RUN/videos
        done
    done
    para evaluate --axis $AXIS --split test --episodes 200 --records $RUN/records/$AXIS.jsonl             #  1 min: expert
    para report $RUN
done
