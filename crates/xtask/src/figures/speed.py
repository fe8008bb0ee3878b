"""LightGBM on the bank data as the baselines split it: seconds to fit, microseconds to predict a row, AUC.

The best of a few runs, two threads, from the table on.
"""
import sys
import time

import lightgbm
import pandas
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

rows = pandas.read_csv(sys.argv[1], sep=";")
labels = (rows.pop("y") == "yes").astype(int)
rows = rows.drop(columns="duration")
for name in rows.select_dtypes(exclude="number").columns:
    rows[name] = rows[name].astype("category")
train, test, known, later = train_test_split(rows, labels, test_size=0.2, random_state=0, stratify=labels)
fit = predict = float("inf")
for _ in range(5):
    model = lightgbm.LGBMClassifier(
        n_estimators=200, learning_rate=0.05, num_leaves=31, min_child_samples=20, n_jobs=2, random_state=0,
        verbose=-1,
    )
    begin = time.perf_counter()
    model.fit(train, known)
    fit = min(fit, time.perf_counter() - begin)
    begin = time.perf_counter()
    found = model.predict_proba(test)[:, 1]
    predict = min(predict, (time.perf_counter() - begin) * 1e6 / len(test))
print(fit, predict, roc_auc_score(later, found))
