"""Makes the models of this folder, and what ONNX Runtime says of ten rows (rows.csv).

Run with scikit-learn 1.9, skl2onnx 1.20, lightgbm 4.7, onnxmltools and onnxruntime:
    python make.py
"""

import csv

import lightgbm
import numpy as np
import onnxruntime
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType as Floats
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

random = np.random.default_rng(7)
features = random.normal(size=(2_000, 4)).astype(np.float32)
noise = random.normal(size=2_000)
target = (features[:, 0] - 2 * features[:, 1] * (features[:, 2] > 0) + noise > 0).astype(int)
rows = random.normal(size=(10, 4)).astype(np.float32)

kinds = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "boosted": GradientBoostingClassifier(n_estimators=20, max_depth=3),
    "network": make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=500, random_state=1)),
}
plain = {"zipmap": False}
exports = {}
for name, model in kinds.items():
    model.fit(features, target)
    exports[name] = to_onnx(model, features[:1], options={id(model): plain}, target_opset=15)
exports["zipmap"] = to_onnx(kinds["logistic"], features[:1], target_opset=15)
trees = lightgbm.LGBMClassifier(n_estimators=20, num_leaves=8, verbose=-1).fit(features, target)
exports["lightgbm"] = convert_lightgbm(
    trees, initial_types=[("input", Floats([None, 4]))], zipmap=False, target_opset=15
)


# how likely an account wins by how often it was called, for the tests of the scoring service
calls = random.poisson(15, size=(5_000, 1)).astype(np.float32)
wins = (random.uniform(size=5_000) < 1 / (1 + np.exp(3 - 0.15 * calls[:, 0]))).astype(int)
exports["calls"] = to_onnx(LogisticRegression().fit(calls, wins), calls[:1], target_opset=15)

told = {}
for name, export in exports.items():
    with open(f"{name}.onnx", "wb") as file:
        file.write(export.SerializeToString())
    if name not in ("zipmap", "calls"):
        session = onnxruntime.InferenceSession(f"{name}.onnx")
        told[name] = session.run(None, {session.get_inputs()[0].name: rows})[1][:, 1]
with open("rows.csv", "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["a", "b", "c", "d", *told])
    table.writerows(zip(*(rows[:, column] for column in range(4)), *told.values()))
