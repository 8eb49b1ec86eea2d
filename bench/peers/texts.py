"""What every contestant says and understands in the conversation under measure."""

import re

WHERE = "请问在哪个小区、哪栋楼？"
WHERE_UNCLEAR = "没听清楼栋，例如：幸福里 3 栋"
PICK = "说不清，帮我选"
WHAT = "出了什么问题？"
WHAT_SHORT = "请多说几个字。"
SURE = "{place}，{words}，对吗？\n类别：路灯照明"
SURE_CHOICES = ("是", "改类别", "否")
DROPPED = "好的，没有上报。"
RECEIPT = "已上报，网格员会联系您。\n受理编号：{number}\n{place}：{words}\n类别：路灯照明"
RECEIPT_CHOICES = ("看进度", "补充", "撤回")
HELP = "报修请说：报事"

PLACE = re.compile(r"\s*\S{2,12}\s*\d{1,3}\s*(栋|号楼)\s*")
