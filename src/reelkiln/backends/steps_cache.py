"""Skipping most of the network in most steps (DeepCache, arXiv 2312.00858), for `UNetMotionModel`.

From one step to the next, what the deep layers say changes little. Every `every`-th step runs the
whole network and keeps one tensor: what enters its last layer. The steps between run the first
convolution, that last layer and the output alone, 7 % of the arithmetic, on the kept tensor.

The public helper does not know motion modules, and keeps 2 GiB. With `every` = 1, and on the very
input that the tensor was kept from, the numbers are those of the whole network.
"""

from __future__ import annotations

from typing import Any

__all__ = ["StepCache"]


class StepCache:
    """The cache of one network; it replaces the network's `forward`.

    `passes` is how often the network is called in one step: 2 where guidance runs in two passes.
    Make it before the passes are hung on the network, and call `begin` before each segment.
    """

    def __init__(self, network: Any, every: int, passes: int = 1) -> None:
        self._network, self._every, self._passes = network, every, passes
        self._whole = network.forward
        self._last = network.up_blocks[-1]
        self._skip = network.config.block_out_channels[0]
        self._seen: Any = None
        self._kept: dict[int, Any] = {}
        self._calls = 0
        self._last.resnets[-1].register_forward_pre_hook(self._see, with_kwargs=True)
        network.forward = self._forward

    def begin(self) -> None:
        """Forget what was kept: another segment follows."""
        self._calls, self._kept, self._seen = 0, {}, None

    def _see(self, _module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._seen = given[0] if given else named["input_tensor"]

    def _forward(
        self,
        sample: Any,
        timestep: Any,
        encoder_hidden_states: Any,
        *,
        return_dict: bool = True,
        **more: Any,
    ) -> Any:
        from diffusers.models.unets.unet_motion_model import UNetMotionOutput

        step, half = divmod(self._calls, self._passes)
        self._calls += 1
        if step % self._every == 0 or half not in self._kept:
            made = self._whole(sample, timestep, encoder_hidden_states, return_dict=False, **more)
            # The last layer's input is the deep features and, behind them, the first convolution.
            self._kept[half] = self._seen[:, : -self._skip].clone()
            self._seen, out = None, made[0]
        else:
            out = self._shallow(sample, timestep, encoder_hidden_states, self._kept[half])
        return UNetMotionOutput(sample=out) if return_dict else (out,)

    def _shallow(self, sample: Any, timestep: Any, words: Any, deep: Any) -> Any:
        import torch

        net, last = self._network, self._last
        batch, channels, frames, height, width = sample.shape
        times = torch.as_tensor(timestep, device=sample.device).reshape(-1).expand(batch)
        time = net.time_embedding(net.time_proj(times).to(sample.dtype))
        time = time.repeat_interleave(frames, dim=0)
        flat = sample.permute(0, 2, 1, 3, 4).reshape(batch * frames, channels, height, width)
        hidden = torch.cat([deep, net.conv_in(flat)], dim=1)
        hidden = last.resnets[-1](hidden, time)
        if getattr(last, "has_cross_attention", False):
            hidden = last.attentions[-1](
                hidden_states=hidden, encoder_hidden_states=words, return_dict=False
            )[0]
        hidden = last.motion_modules[-1](hidden, num_frames=frames)
        hidden = net.conv_out(net.conv_act(net.conv_norm_out(hidden)))
        return hidden.reshape(batch, frames, *hidden.shape[1:]).permute(0, 2, 1, 3, 4)
