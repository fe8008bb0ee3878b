-- The file of a model that was trained elsewhere, beside the declaration that says what it is asked.
alter table model_declarations add column onnx {blob};
